# A whole visit with real video files, from registering to logging out, as today's clients and as clients
# of the older server do it.

use v5.36;

use FindBin;

use lib "$FindBin::Bin/lib";
use Site;

my $MP4  = "$FindBin::Bin/media/testcard.mp4";
my $WEBM = "$FindBin::Bin/media/testcard.webm";
my $TIME = qr/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/;
my $UUID = qr/^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

my $site = Site->start;

sub content ($path) {
    open my $file, '<:raw', $path or die "cannot read $path: $!\n";
    local $/;
    return scalar <$file>;
}

sub ids ($response) { return [map { $_->{id} } @{$response->is(200)->json}] }

# The JSON of a video that has no file yet.
sub new_video ($id, $author, $title, $description) {
    return {
        id => $id, author_id => $author->id, author_name => $author->name, title => $title,
        description => $description, create_time => $TIME, state => 'created', size => undef,
        content_type => undef, stream_url => undef, poster_url => undef, views => 0,
    };
}

# The JSON of a video whose file has been uploaded.
sub ready_video ($id, $path, $type, @about) {
    my %file = (state => 'ready', size => -s $path, content_type => $type, stream_url => "/stream/videos/$id");
    return {%{new_video($id, @about)}, %file};
}

# Checks that the video's file is served whole, by ranges and conditionally, and that one view is counted.
sub check_stream ($vid, $path, $type) {
    my $content = content($path);
    my $size = length $content;
    my $url = "/stream/videos/$vid";
    my $whole = $site->get($url)->is(200)->body_is($content)
        ->header_is('Content-Type', $type)->header_is('Accept-Ranges', 'bytes')->header_is('Content-Length', $size);
    $site->head($url)->is(200)->body_is('')->header_is('Content-Type', $type)->header_is('Content-Length', $size);

    my $last = $size - 1;
    for my $part (
        ['0-0',            0,          0],
        ['4-7',            4,          7],
        ['1000-4999',      1000,       4999],
        ['1000-',          1000,       $last],
        ['-500',           $size - 500, $last],
        ["0-$last",        0,          $last],
        ["1000-$size",     1000,       $last],
        ["$last-99999999", $last,      $last],
    ) {
        my ($range, $from, $to) = @$part;
        $site->get($url, headers => {Range => "bytes=$range"})->is(206, "video $vid: range $range returns 206")
            ->header_is('Content-Range', "bytes $from-$to/$size")
            ->header_is('Content-Type', $type)
            ->body_is(substr $content, $from, $to - $from + 1);
    }
    $site->get($url, headers => {Range => "bytes=$size-"})
        ->is(416, "video $vid: a range past the end is rejected with 416")->problem('001')
        ->header_is('Content-Range', "bytes */$size");

    # The requests of a browser that has cached part of the file.
    my $etag = $whole->header('ETag');
    $site->get($url, headers => {'If-None-Match' => $etag})
        ->is(304, "video $vid: a matching If-None-Match returns 304")->body_is('');
    $site->get($url, headers => {Range => 'bytes=4-7', 'If-Range' => $etag})
        ->is(206, "video $vid: a matching If-Range returns the range")
        ->body_is(substr $content, 4, 4);
    $site->get($url, headers => {Range => 'bytes=4-7', 'If-Range' => '"other"'})
        ->is(200, "video $vid: another If-Range returns the whole file")
        ->body_is($content);
    $site->soon(sub { $site->get("/api/videos/$vid")->json->{views} == 1 }, "video $vid: one view is counted");
    return;
}

subtest 'two users upload, watch, comment on and delete two videos' => sub {
    $site->get('/api/videos')->is(200)->json_is([], 'a new site has no videos');
    my $ann = $site->user('ann');
    my $bob = $site->user('bob');
    $site->get('/api/users/' . $ann->id)->is(200)
        ->json_is({user_id => $ann->id, user_name => 'ann', create_time => $TIME});

    my $mp4 = $ann->post('/api/videos', {title => 'Test card', description => 'Two seconds.'})->is(201)
        ->json->{id};
    $site->get("/api/videos/$mp4")->is(200)->json_is(new_video($mp4, $ann, 'Test card', 'Two seconds.'));
    $site->get("/stream/videos/$mp4")->is(404, 'a video without a file cannot be streamed');
    $bob->upload($mp4, $WEBM)->is(403, q{a user cannot upload a file to another user's video});
    $site->upload($mp4, $WEBM)->is(401, 'a client without a session cannot upload');
    $ann->upload($mp4, $MP4)->is(201)->json_is({id => $mp4, size => -s $MP4, content_type => 'video/mp4'});
    $site->get("/api/videos/$mp4")->is(200)
        ->json_is(ready_video($mp4, $MP4, 'video/mp4', $ann, 'Test card', 'Two seconds.'));
    check_stream($mp4, $MP4, 'video/mp4');

    my $webm = $bob->post('/api/videos', {title => 'Short'})->is(201)->json->{id};
    $bob->upload($webm, $WEBM, as => 'multipart')->is(201)
        ->json_is({id => $webm, size => -s $WEBM, content_type => 'video/webm'});
    check_stream($webm, $WEBM, 'video/webm');

    $site->get('/api/videos')->is(200)->json_is([
        {%{ready_video($webm, $WEBM, 'video/webm', $bob, 'Short', '')}, views => 1},
        {%{ready_video($mp4, $MP4, 'video/mp4', $ann, 'Test card', 'Two seconds.')}, views => 1},
    ], 'the list has all videos, newest first');
    is_deeply ids($site->get('/api/users/' . $ann->id . '/videos')), [$mp4], q{ann's list has ann's video};
    is_deeply ids($site->get('/api/users/' . $bob->id . '/videos')), [$webm], q{bob's list has bob's video};

    my $comments = "/api/videos/$mp4/comments";
    $site->post($comments, {content => 'First!'})->is(401, 'a client without a session cannot comment');
    my ($first, $second) = map {
        {video_id => $mp4, author_id => $_->[0]->id, author_name => $_->[0]->name, content => $_->[1],
            id => $UUID, post_time => $TIME};
    } [$bob, 'Lovely colours.'], [$ann, 'Thank you.'];
    $bob->post($comments, {content => 'Lovely colours.'})->is(201)->json_is($first);
    $ann->post($comments, {content => 'Thank you.'})->is(201)->json_is($second);
    $site->get($comments)->is(200)->json_is({comments => [$second, $first]}, 'comments are listed newest first');
    $site->get("/api/videos/$webm/comments")->is(200)->json_is({comments => []});

    my @files = $site->media_files;
    is @files, 2, 'there is one media file per video';
    $ann->upload($mp4, $WEBM)->is(201, 'a second upload to the same video is accepted');
    $site->get("/stream/videos/$mp4")->is(200)->header_is('Content-Type', 'video/webm')->body_is(content($WEBM));
    my %old = map { $_ => 1 } @files;
    $site->soon(sub { my @now = $site->media_files; @now == 2 && grep { !$old{$_} } @now },
        'the second file replaces the first on disk');

    $bob->delete("/api/videos/$mp4")->is(403, q{bob cannot delete ann's video});
    $ann->delete("/api/videos/$mp4")->is(204, 'ann can delete her video')->body_is('');
    $site->get($_)->is(404)->problem('007') for "/api/videos/$mp4", "/stream/videos/$mp4", $comments;
    $ann->delete("/api/videos/$mp4")->is(404, 'a video can be deleted only once');
    is_deeply ids($site->get('/api/videos')), [$webm], 'a deleted video is not in the list of all videos';
    is_deeply ids($site->get('/api/users/' . $ann->id . '/videos')), [], q{a deleted video is not in its author's list};
    $site->soon(sub { $site->media_files == 1 }, 'the media file of a deleted video is deleted');
    is $site->sql('SELECT count(*) FROM video_deletions'), 0, 'the deletion queue is empty';
    $site->get("/stream/videos/$webm")->is(200, 'the other video is still streamed')->body_is(content($WEBM));

    $ann->delete('/api/sessions')->is(205)->body_is('');
    $ann->post('/api/videos', {title => 'Late'})->is(401, 'ann cannot add a video after logging out');
    $bob->delete("/api/videos/$webm")->is(204, 'bob is still logged in');
    $site->soon(sub { !$site->media_files }, q{the media file of bob's video is deleted});
};

# These clients use cookies that a script has set, slashes at the end of paths and other content types.
subtest 'clients of the older server still work' => sub {
    my %carl = (user_name => 'carl', pwd => 'correct horse');
    my $body = JSON::PP->new->encode(\%carl);
    my %curl = (headers => {'Content-Type' => 'application/x-www-form-urlencoded'});
    my $uid = $site->post('/api/users/', $body, %curl)->is(201)->json->{user_id};
    my $login = $site->post('/api/sessions/', $body, %curl)->is(200)->json;
    my $cookies = "X-Session-Id=$login->{session_id}; X-User-Id=$uid";
    my %cookies = (headers => {Cookie => $cookies});

    my $vid = $site->post('/api/videos/', {title => 'Old ways', author_id => $uid}, %cookies)->is(201)
        ->json->{id};
    $site->post('/api/videos/', {title => 'Forged', author_id => $uid + 1}, %cookies)
        ->is(403, q{a video with another user's author_id is rejected})->problem('006');
    $site->upload("$vid/", $MP4, as => 'multipart', %cookies)->is(201);
    $site->get("/stream/videos/$vid/")->is(200)->body_is(content($MP4));
    $site->post("/api/videos/$vid/comments/", {content => 'Works.', author_id => $uid}, %cookies)->is(201);
    $site->post("/api/videos/$vid/comments/", {content => 'Forged.', author_id => $uid + 1}, %cookies)
        ->is(403, q{a comment with another user's author_id is rejected});
    is_deeply [map { $_->{content} } @{$site->get("/api/videos/$vid/comments/")->is(200)->json->{comments}}],
        ['Works.'], 'only the accepted comment is listed';

    $site->get("/api/users/$uid/")->is(200)->like(qr/"user_name":"carl"/);
    is_deeply ids($site->get("/api/users/$uid/videos/")), [$vid], q{carl's list has carl's video};
    is_deeply ids($site->get('/api/videos/')), [$vid], 'the list of all videos has it';
    $site->get("/api/videos/$vid/")->is(200)->like(qr/"title":"Old ways"/);

    $site->delete("/api/videos/$vid/", %cookies)->is(204);
    $site->soon(sub { !$site->media_files }, 'the media file is deleted');
    $site->delete('/api/sessions/', %cookies)->is(205);
    $site->post('/api/videos/', {title => 'Late'}, %cookies)->is(401, 'the cookies are not accepted after logging out');
};

subtest 'a JSON body is accepted with any Content-Type' => sub {
    my $ann = $site->user('ann');
    for my $type (
        'application/json', 'application/json; charset=utf-8', 'application/x-www-form-urlencoded', 'text/plain',
        'multipart/form-data; boundary=x', 'nonsense', '', undef,
    ) {
        my $name = defined $type ? "'$type'" : '(none)';
        $ann->post('/api/videos', '{"title": "Typed"}', headers => {'Content-Type' => $type})
            ->is(201, "Content-Type $name is accepted");
    }
};

subtest 'a deletion can be requested from the scheduler directly' => sub {
    my $ann = $site->user('ann');
    my $vid = $ann->post('/api/videos', {title => 'Scheduled'})->is(201)->json->{id};
    $ann->upload($vid, $WEBM)->is(201);
    $site->delete("/scheduler/videos/$vid/")->is(200)->json_is({video_id => $vid, status => 'scheduled'});
    $site->get("/api/videos/$vid")->is(404);
    $site->get("/stream/videos/$vid")->is(404);
    $site->delete("/scheduler/videos/$vid")->is(200)->json_is({video_id => $vid, status => 'scheduled'},
        'a second request for the same video is accepted');
    $site->soon(sub { !$site->media_files }, 'the media file is deleted');
};

done_testing;
