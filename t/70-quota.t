# What an upload may take up: of its user's quota and of the disk. It is set aside before the body comes, for
# one upload at a time, and given back however the upload ends.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/lib";

use Bucket;
use File::Temp ();
use Http2;
use Parallel;
use Site;
use Site::Port;

use constant {
    FILM      => 100_000,
    DISK      => 64 * 1024 * 1024,
    HALF_DISK => 40 * 1024 * 1024,
    POLLS     => 100,
};

my $http2 = Site::Port::free();
my $bytes = Site::Media::content('mp4', FILM);
my %typed = (headers => {'Content-Type' => 'video/mp4'});

sub add ($actor) { return $actor->post('/api/videos', {title => 'A film'})->json->{id} }

sub url ($video) { return "/stream/videos/$video" }

# Uploads a film to a video, or a new one.
sub upload ($actor, $video = add($actor), %headers) {
    return $actor->post(url($video), $bytes, headers => {'Content-Type' => 'video/mp4', %headers});
}

# An upload in progress of which the body is still to come.
sub begin ($actor, $length = FILM) {
    my $count = 1 + reserved($actor);
    my $upload = $actor->open('POST', url(add($actor)), body => '', headers => {'Content-Length' => $length});
    $actor->site->soon(sub { reserved($actor) == $count }, 'an upload is in progress');
    return $upload;
}

# Uploads for which something is set aside.
sub reserved ($actor) {
    return $actor->site->sql('SELECT count(*) FROM uploads WHERE user_id = ' . $actor->id);
}

# Refused for want of room, before the body comes.
sub refused ($actor, $video, $detail, $name) {
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my $answer = $actor->post(url($video), $bytes,
        headers => {'Content-Type' => 'video/mp4', Expect => '100-continue'}, on => $actor->site->connect);
    $answer->is(507, $name)->problem('013');
    is $answer->sent, 0, 'no byte of the body has been sent';
    is $answer->json->{detail}, $detail, 'it says why';
    is Http2->rejection($http2, $actor->bytes('POST', url($video), body => $bytes)), '507 013', 'over HTTP/2, too';
    return upload($actor, $video)->is(507, "$name, unasked");
}

my $OVER_BYTES  = "the user's videos would be larger than they may be together";
my $OVER_VIDEOS = 'the user has as many videos as one may have';
my $DISK_FULL   = 'the disk has no room for it';

subtest 'bytes of a user' => sub {
    my $site = Site->start(VS_USER_QUOTA_BYTES => 3 * FILM, VS_HTTP2_PORT => $http2);
    my $bucket = Bucket->new($site);
    my ($ann, $ben) = map { $site->user($_) } qw(ann ben);
    my @videos = map { add($ann) } 1 .. 4;
    upload($ann, $videos[$_])->is(201, "film $_") for 0 .. 2;
    refused($ann, $videos[3], $OVER_BYTES, 'one more');
    is $bucket->in_use('upload'), 0, 'a refusal takes no token';
    is reserved($ann), 0, 'and no room';
    upload($ben)->is(201, 'another user has a quota of their own');

    $ann->delete("/api/videos/$videos[0]")->is(204);
    upload($ann, $videos[3])->is(201, 'what is deleted makes room at once');
    $ann->delete("/api/videos/$videos[1]")->is(204);
    for my $round (1 .. 5) {
        $ann->post(url($videos[2]), 'no film', %typed)->is(415, 'an upload that comes to nothing');
        is reserved($ann), 0, 'gives back what was set aside';
    }

    my $upload = begin($ann);
    refused($ann, $videos[2], $OVER_BYTES, 'what is being uploaded counts');
    $upload->close;
    $site->soon(sub { upload($ann, $videos[2])->status == 201 }, 'when its client has gone it does not');
    is reserved($ann), 0, 'nothing is set aside any more';
    is upload($ann, $videos[3])->status, 201, 'an old film and its successor are there together for a while';
    is $site->sql('SELECT sum(size) FROM videos WHERE author_id = ' . $ann->id), 2 * FILM, 'then one of them';

    for my $round (1 .. 5) {
        my @clients = map { my $video = add($ann); sub { upload($ann, $video)->status } } 1 .. 4;
        is join(' ', sort(Parallel::at_once(@clients))), '201 507 507 507', 'of several at once one gets the last room';
        my $video = $site->sql('SELECT max(id) FROM videos WHERE media_key IS NOT NULL AND author_id = ' . $ann->id);
        $ann->delete("/api/videos/$video")->is(204);
    }
    $ann->post(url($videos[2]), "5\r\nabcde\r\n0\r\n\r\n",
        headers => {'Transfer-Encoding' => 'chunked', 'Content-Length' => undef})
        ->is(507, 'without a length it might be as large as any');
    $site->stop;
};

subtest 'videos of a user' => sub {
    my $site = Site->start(VS_USER_QUOTA_VIDEOS => 2, VS_HTTP2_PORT => $http2);
    my $ann = $site->user('ann');
    my @videos = map { add($ann) } 1 .. 3;
    upload($ann, $videos[0])->is(201, 'one');
    my $upload = begin($ann);
    refused($ann, $videos[1], $OVER_VIDEOS, 'what is being uploaded counts');
    upload($ann, $videos[0])->is(201, 'a film may replace another');
    $upload->close;
    $site->soon(sub { upload($ann, $videos[1])->status == 201 }, 'two');
    refused($ann, $videos[2], $OVER_VIDEOS, 'one more');
    $ann->delete("/api/videos/$videos[0]")->is(204);
    upload($ann, $videos[2])->is(201, 'what is deleted makes room');
    upload($site->user('ben'))->is(201, 'another user has a quota of their own');
    $site->stop;
};

subtest 'posters of a user' => sub {
    my $site = Site->start(VS_USER_QUOTA_BYTES => 2 * FILM, VS_USER_QUOTA_VIDEOS => 1, VS_HTTP2_PORT => $http2);
    my $bucket = Bucket->new($site);
    my $ann = $site->user('ann');
    my @videos = map { add($ann) } 1 .. 3;
    my $picture = "\xff\xd8\xff\xe0" . 'x' x (FILM / 2 - 4);
    my $put = sub ($video, $body = $picture, %options) { return $ann->put(url($video) . '/poster', $body, %options) };
    upload($ann, $videos[0])->is(201, 'a film');
    $put->($_)->is(201, 'a poster, also of a video without a film') for @videos[0, 1];
    is reserved($ann), 0, 'nothing is set aside any more';
    my $refused = $put->($videos[2], $picture, headers => {Expect => '100-continue'}, on => $site->connect)
        ->is(507, 'one more')->problem('013');
    is $refused->sent, 0, 'no byte of the body has been sent';
    is $refused->json->{detail}, $OVER_BYTES, 'it says why';
    is $bucket->in_use('upload'), 0, 'a refusal takes no token';
    refused($ann, $videos[0], $OVER_BYTES, 'a film, for which the posters leave no room');
    $put->($videos[2], "4\r\nabcd\r\n0\r\n\r\n", headers => {'Transfer-Encoding' => 'chunked', 'Content-Length' => undef})
        ->is(507, 'without a length it might be as large as any');

    $ann->delete("/api/videos/$videos[1]")->is(204);
    for my $round (1 .. 3) {
        $put->($videos[2], 'x' x (FILM / 2))->is(415, 'a poster that comes to nothing');
        is reserved($ann), 0, 'gives back what was set aside';
    }
    my $upload = $ann->open('PUT', url($videos[2]) . '/poster', body => '', headers => {'Content-Length' => FILM / 2});
    $site->soon(sub { reserved($ann) == 1 }, 'a poster is on its way');
    $put->($videos[0])->is(507, 'what is being uploaded counts');
    $upload->close;
    $site->soon(sub { $put->($videos[2])->status == 201 }, 'when its client has gone it does not');
    $ann->delete("/api/videos/$videos[0]")->is(204);
    upload($ann, $videos[2])->is(201, 'what is deleted makes room');
    $site->stop;
};

subtest 'a disk that is nearly full' => sub {
    my $folder = File::Temp->newdir;
    my $site = Site->start;
    my $ann = $site->user('ann');
    my $video = add($ann);
    upload($ann, $video)->is(201, 'with enough room');
    $site->stop(keep => 1);

    $site = Site->start(VS_DISK_HEADROOM_BYTES => '1024T', VS_HTTP2_PORT => $http2, folder => $site->folder);
    $ann = $site->user('ann');
    my $other = add($ann);
    refused($ann, $other, $DISK_FULL, 'without');
    $ann->put(url($other) . '/poster', 'x')->is(507, 'for a poster neither')->problem('013');
    $site->get(url($video))->is(200, 'films are sent')->body_is($bytes);
    $ann->post("/api/videos/$video/comments", {content => 'Lovely.'})->is(201, 'comments are taken');
    $ann->delete("/api/videos/$video")->is(204, 'and films deleted');
    $site->soon(sub { !$site->media_files }, 'from the disk, too');
    $site->stop;
};

subtest 'a small disk' => sub {
    my $disk = File::Temp->newdir;
    plan skip_all => 'this user cannot mount a disk'
        if $> != 0 || system("mount -t tmpfs -o mode=755,size=${\DISK} video-server-test $disk 2>/dev/null") != 0;
    mkdir "$disk/media" or die "cannot make a folder: $!\n";
    my $site = Site->start(VS_MEDIA_DIR => "$disk/media", VS_DISK_HEADROOM_BYTES => 0);
    my ($ann, $ben) = map { $site->user($_) } qw(ann ben);
    my %form = ('Content-Length' => HALF_DISK, 'Content-Type' => 'multipart/form-data; boundary=x');
    $ben->post(url(add($ben)), '', headers => \%form, on => $site->connect)
        ->is(507, 'a form of half a disk, which would be there twice')->problem('013');
    my $upload = begin($ann, HALF_DISK);
    my $refused = $ben->post(url(add($ben)), '', headers => {'Content-Length' => HALF_DISK}, on => $site->connect);
    $refused->is(507, 'half a disk that another upload has been promised')->problem('013');
    upload($ben)->is(201, 'there is room for a smaller one');
    $upload->close;
    # A rejected upload is answered at once; for an admitted one room is reserved.
    $site->soon(sub {
        my $again = $ben->open('POST', url(add($ben)), body => '', headers => {'Content-Length' => HALF_DISK});
        my $reserved = 0;
        for (1 .. POLLS) {
            last if ($reserved = reserved($ben)) || $again->await(qr/./, 0.05);
        }
        $again->close;
        return $reserved;
    }, 'whose client goes');
    $site->stop;
    system 'umount', $disk;
};

done_testing;
