# Editing videos, deleting comments, and the conditional requests that prevent lost updates.

use v5.36;

use FindBin;

use lib "$FindBin::Bin/lib";
use Parallel;
use Site;

use constant WAIT_SECONDS => 30;

my $site = Site->start(VS_DATABASE_TIMEOUT_MS => 20_000);
my $ann  = $site->user('ann');
my $bob  = $site->user('bob');
my $carl = $site->user('carl');

sub new_video (%about) { return $ann->post('/api/videos', {title => 'Bunny', %about})->is(201)->json->{id} }
sub etag ($vid)        { return $site->get("/api/videos/$vid")->is(200)->header('ETag') }

# Sends a request that waits for a lock of the transaction, commits the transaction, and returns the status.
sub status_behind ($transaction, $method, $path, %options) {
    my $connection = $ann->open($method, $path, %options);
    $site->soon(sub { $site->waiting('video_api') == 1 }, "$method waits for the lock");
    $transaction->commit;
    my ($status) = $connection->rest(WAIT_SECONDS) =~ m{^HTTP/1\.1 (\d+)};
    return $status;
}

subtest 'the author edits title and description' => sub {
    my $vid = new_video(description => 'A rabbit.');
    my $path = "/api/videos/$vid";
    my %video = %{$site->get($path)->json};
    for my $case (
        # body, what the request changes
        [{title => 'Big Bunny'},                       {title => 'Big Bunny'}],
        [{description => " Two\nlines "},              {description => " Two\nlines "}],
        [{title => ' Bunny ', description => ''},      {title => 'Bunny', description => ''}],
        [{title => undef, description => 'Only this'}, {description => 'Only this'}],
        [{title => q{'; DROP TABLE videos; --}},       {title => q{'; DROP TABLE videos; --}}],
        [{title => 'Mine', id => 9, author_id => $bob->id, views => 9, state => 'ready'}, {title => 'Mine'}],
    ) {
        my ($body, $change) = @$case;
        %video = (%video, %$change);
        $ann->patch($path, $body)->is(200)->header_is('Content-Type', 'application/json')->json_is(\%video);
        $site->get($path)->is(200)->json_is(\%video);
    }
    $site->get('/api/videos?limit=1')->json_is([\%video], 'the list has the edited video');
    for my $body ({}, {title => undef}, {author_id => $ann->id}, {title => ''}, {title => 'x' x 201}, {title => 7}, [], 'x') {
        $ann->patch($path, $body)->is(400)->problem('001');
    }
    $bob->patch($path, {title => 'Stolen'})->is(403)->problem('006');
    $site->patch($path, {title => 'Stolen'})->is(401)->problem('003');
    $ann->patch("$path/", {title => 'x'}, headers => {Origin => 'https://evil.example'})
        ->is(200, 'a page of another site can edit with X-Session-Id');
    $ann->patch($path, {title => 'x'}, headers => {
        'X-Session-Id' => undef, Cookie => 'X-Session-Id=' . $ann->session, Origin => 'https://evil.example',
    })->is(403, 'a page of another site cannot edit by the cookie');
    $site->get($path)->json_is({%video, title => 'x'}, 'the rejected edits have changed nothing');

    $ann->upload($vid, 'bunny.mp4')->is(201);
    %video = %{$site->get($path)->json};
    $ann->patch($path, {title => 'Uploaded'})
        ->is(200)->json_is({%video, title => 'Uploaded'}, 'an edit keeps the video file');
    $ann->delete($path)->is(204);
    $ann->patch($path, {title => 'Late'})->is(404, 'a deleted video cannot be edited')->problem('007');
};

subtest 'the ETag of a video changes with each edit and upload' => sub {
    my $vid = new_video();
    my $path = "/api/videos/$vid";
    my @tags = etag($vid);
    like $tags[0], qr{^W/"\d+"$}, 'the ETag is weak';
    my $created = $ann->post('/api/videos', {title => 'Other'})->is(201);
    is $created->header('ETag'), etag($created->json->{id}), 'the response to adding a video has the ETag';

    push @tags, scalar $ann->patch($path, {title => 'Big Bunny'})->is(200)->header('ETag');
    is etag($vid), $tags[-1], 'the response to an edit has the new ETag';
    $ann->upload($vid, 'bunny.mp4')->is(201);
    push @tags, etag($vid);
    $ann->upload($vid, 'other.mp4')->is(201);
    push @tags, etag($vid);
    my %seen = map { $_ => 1 } @tags;
    is keys %seen, @tags, 'each edit and each upload changes the ETag';

    $ann->post("$path/comments", {content => 'Nice.'})->is(201);
    $site->sql("UPDATE videos SET create_time = create_time WHERE id = $vid");
    is etag($vid), $tags[-1], 'comments and updates without a change keep the ETag';
    isnt etag(new_video()), $tags[-1], 'another video has another ETag';
};

subtest 'a matching If-None-Match returns 304' => sub {
    my $vid = new_video();
    my %tags = ("/api/videos/$vid" => etag($vid), '/api/users/' . $ann->id => '"1"');
    for my $path (sort keys %tags) {
        my $tag = $tags{$path};
        my $strong = $tag =~ s{^W/}{}r;
        $site->get($path)->is(200)->header_is('ETag', $tag);
        for my $value ($tag, $strong, "W/$strong", '*', qq{"x", $tag}, qq{$tag , "x"}) {
            for my $method (qw(GET HEAD)) {
                $site->request($method, $path, headers => {'If-None-Match' => $value})
                    ->is(304, "$method $path, If-None-Match: $value: 304")->body_is('')
                    ->header_is('ETag', $tag)->header_is('Content-Length', undef)->header_is('Content-Type', undef);
            }
        }
        for my $value ('', '"0"', '"99"', 'W/"99"', $strong =~ tr/"//dr, '"x"') {
            $site->get($path, headers => {'If-None-Match' => $value})
                ->is(200, "GET $path, If-None-Match: $value: 200")->header_is('ETag', $tag);
        }
        $site->get($path, headers => {'If-Match' => '"99"'})->is(200, "GET $path ignores If-Match");
    }
    my $before = etag($vid);
    $ann->patch("/api/videos/$vid", {title => 'Big Bunny'})->is(200);
    $site->get("/api/videos/$vid", headers => {'If-None-Match' => $before})
        ->is(200, 'the ETag from before an edit does not match')->like(qr/Big Bunny/);
    $site->get('/api/videos/9999', headers => {'If-None-Match' => '*'})
        ->is(404, 'an unknown video returns 404 whatever the condition');
};

subtest 'PATCH and DELETE are rejected with 412 when If-Match does not match' => sub {
    for my $operation ([PATCH => 200, json => {title => 'Edited'}], [DELETE => 204]) {
        my ($method, $done, @body) = @$operation;
        my $request = sub ($who, $vid, $value) {
            return $who->request($method, "/api/videos/$vid", @body, headers => {'If-Match' => $value});
        };
        my $vid = new_video();
        my $stale = etag($vid);
        $ann->patch("/api/videos/$vid", {title => 'New'})->is(200);
        for my $value ($stale, $stale =~ s{^W/}{}r, '"99"', '"x"', 'x', qq{$stale, "x"}) {
            $request->($ann, $vid, $value)->is(412, "$method, If-Match: $value: 412")->problem('008');
        }
        $request->($bob, $vid, etag($vid))->is(403, "$method by another user: 403");
        $request->($bob, $vid, $stale)->is(403, "$method by another user with an outdated ETag: 403");
        $request->($site, $vid, $stale)->is(401, "$method without a session: 401");
        $site->get("/api/videos/$vid")->is(200)->like(qr/"title":"New"/,
            "$method: the rejected requests have changed nothing");
        $request->($ann, $vid, qq{"x", $stale, } . etag($vid))
            ->is($done, "$method succeeds when one ETag of several matches");
        $vid = new_video();
        $request->($ann, $vid, '*')->is($done, "$method succeeds with If-Match: *");
        $vid = new_video();
        $request->($ann, $vid, etag($vid) =~ s{^W/}{}r)->is($done, "$method succeeds with the ETag without W/");
        $request->($ann, '9999', '*')->is(404, "$method of an unknown video: 404");
    }
};

subtest 'of concurrent edits with the same If-Match one succeeds' => sub {
    my $vid = new_video();
    my %headers = ('If-Match' => etag($vid));
    my @statuses = Parallel::at_once(map {
        my $title = "Title $_";
        sub { $ann->patch("/api/videos/$vid", {title => $title}, headers => \%headers)->status };
    } 1 .. 6);
    is_deeply [sort @statuses], [200, (412) x 5], 'one edit succeeds, the others return 412';

    my $update = sub ($id) { $site->transaction("UPDATE videos SET title = 'First' WHERE id = $id") };
    my %edit = (json => {description => 'Second'});
    %headers = ('If-Match' => etag($vid));
    is status_behind($update->($vid), PATCH => "/api/videos/$vid", %edit, headers => \%headers), 412,
        'an edit with If-Match fails when another edit is committed first';
    is status_behind($update->($vid), PATCH => "/api/videos/$vid", %edit), 200,
        'an edit without If-Match succeeds when another edit is committed first';
    $site->get("/api/videos/$vid")->like(qr/"title":"First","description":"Second"/, 'both edits have taken effect');
    %headers = ('If-Match' => etag($vid));
    is status_behind($update->($vid), DELETE => "/api/videos/$vid", headers => \%headers), 412,
        'a deletion with If-Match fails when an edit is committed first';
    is status_behind($update->($vid), DELETE => "/api/videos/$vid"), 204,
        'a deletion without If-Match succeeds when an edit is committed first';
    $vid = new_video();
    my $delete = sub { $site->transaction("DELETE FROM videos WHERE id = $vid") };
    is status_behind($delete->(), PATCH => "/api/videos/$vid", %edit), 404,
        'an edit returns 404 when a deletion is committed first';
    $vid = new_video();
    is status_behind($delete->(), DELETE => "/api/videos/$vid"), 404,
        'a deletion returns 404 when another deletion is committed first';
};

subtest 'comments are deleted by their author or by the author of the video' => sub {
    my ($vid, $other) = map { new_video() } 1 .. 2;
    my $comments = "/api/videos/$vid/comments";
    my ($first, $second, $third) = map { $bob->post($comments, {content => "Comment $_"})->is(201)->json->{id} } 1 .. 3;
    my $left = sub { [map { $_->{id} } @{$site->get($comments)->is(200)->json->{comments}}] };

    $carl->delete("$comments/$first")->is(403, 'another user cannot delete a comment')->problem('006');
    $site->delete("$comments/$first")->is(401, 'deleting a comment needs a session')->problem('003');
    $bob->delete("/api/videos/$other/comments/$first")
        ->is(404, 'a comment is not found under another video')->problem('007');
    $ann->delete("$comments/" . substr $first, 1)->is(400, 'an invalid id is rejected')->problem('001');
    is_deeply $left->(), [$third, $second, $first], 'the rejected requests have deleted nothing';
    $bob->delete("$comments/$first")->is(204, 'the author of a comment can delete it')->body_is('');
    $bob->delete("$comments/$first")->is(404, 'a comment cannot be deleted twice');
    is_deeply $left->(), [$third, $second], 'the other comments are left';
    $ann->delete("$comments/" . uc $second . '/')
        ->is(204, 'the author of the video can delete a comment, by its id in upper case');
    is_deeply $left->(), [$third], 'the third comment is left';

    my $own = $carl->post("/api/videos/$vid/comments", {content => 'Mine.'})->is(201)->json->{id};
    is_deeply [sort(Parallel::at_once(map { my $who = $_; sub { $who->delete("$comments/$own")->status } } ($ann, $carl) x 2))],
        [204, (404) x 3], 'one of several concurrent deletions of a comment succeeds';
};

done_testing;
