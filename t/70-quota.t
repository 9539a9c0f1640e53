# The space of an upload: its user's quota and the disk. It is reserved before the body is sent, atomically,
# and released however the upload ends.

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
    SIZE      => 100_000,
    DISK      => 64 * 1024 * 1024,
    HALF_DISK => 40 * 1024 * 1024,
    POLLS     => 100,
};

my $http2 = Site::Port::free();
my $bytes = Site::Media::content('mp4', SIZE);
my %typed = (headers => {'Content-Type' => 'video/mp4'});

sub add_video ($actor) { return $actor->post('/api/videos', {title => 'A video'})->json->{id} }

sub url ($video) { return "/stream/videos/$video" }

# Uploads a file to a video, by default to a new one.
sub upload ($actor, $video = add_video($actor), %headers) {
    return $actor->post(url($video), $bytes, headers => {'Content-Type' => 'video/mp4', %headers});
}

# Starts an upload and sends only its headers.
sub begin ($actor, $length = SIZE) {
    my $count = 1 + reserved($actor);
    my $upload = $actor->open('POST', url(add_video($actor)), body => '', headers => {'Content-Length' => $length});
    $actor->site->soon(sub { reserved($actor) == $count }, 'an upload is in progress');
    return $upload;
}

# The number of a user's uploads with a reservation.
sub reserved ($actor) {
    return $actor->site->sql('SELECT count(*) FROM uploads WHERE user_id = ' . $actor->id);
}

# The upload is rejected for lack of space, before the body is sent.
sub is_rejected ($actor, $video, $detail, $name) {
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my $answer = $actor->post(url($video), $bytes,
        headers => {'Content-Type' => 'video/mp4', Expect => '100-continue'}, on => $actor->site->connect);
    $answer->is(507, "$name returns 507")->problem('013');
    is $answer->sent, 0, "$name: no byte of the body is sent";
    is $answer->json->{detail}, $detail, "$name: the detail names the limit";
    is Http2->rejection($http2, $actor->bytes('POST', url($video), body => $bytes)), '507 013', "$name over HTTP/2 returns 507, too";
    return upload($actor, $video)->is(507, "$name returns 507 when the body is sent at once");
}

my $OVER_BYTES  = "the upload exceeds the user's storage quota";
my $OVER_VIDEOS = 'the user has the maximum number of videos';
my $DISK_FULL   = 'the disk is full';

subtest "VS_USER_QUOTA_BYTES limits the total size of a user's videos" => sub {
    my $site = Site->start(VS_USER_QUOTA_BYTES => 3 * SIZE, VS_HTTP2_PORT => $http2);
    my $bucket = Bucket->new($site);
    my ($ann, $ben) = map { $site->user($_) } qw(ann ben);
    my @videos = map { add_video($ann) } 1 .. 4;
    upload($ann, $videos[$_])->is(201, "upload $_ within the quota is accepted") for 0 .. 2;
    is_rejected($ann, $videos[3], $OVER_BYTES, 'an upload beyond the quota');
    is $bucket->in_use('upload'), 0, 'a rejected upload takes no token';
    is reserved($ann), 0, 'a rejected upload reserves nothing';
    upload($ben)->is(201, 'another user has their own quota');

    $ann->delete("/api/videos/$videos[0]")->is(204);
    upload($ann, $videos[3])->is(201, 'a deleted video frees its space at once');
    $ann->delete("/api/videos/$videos[1]")->is(204);
    for my $round (1 .. 5) {
        $ann->post(url($videos[2]), 'not a video', %typed)->is(415, 'an upload that is not a video returns 415');
        is reserved($ann), 0, 'a failed upload releases its reservation';
    }

    my $upload = begin($ann);
    is_rejected($ann, $videos[2], $OVER_BYTES, 'an upload while another one has reserved the rest');
    $upload->close;
    $site->soon(sub { upload($ann, $videos[2])->status == 201 }, 'the reservation is released when the client disconnects');
    is reserved($ann), 0, 'no reservation is left';
    is upload($ann, $videos[3])->status, 201, 'a replacement may exceed the quota while the old file still exists';
    is $site->sql('SELECT sum(size) FROM videos WHERE author_id = ' . $ann->id), 2 * SIZE, 'after the replacement only the new file counts';

    for my $round (1 .. 5) {
        my @clients = map { my $video = add_video($ann); sub { upload($ann, $video)->status } } 1 .. 4;
        is join(' ', sort(Parallel::at_once(@clients))), '201 507 507 507', 'of four concurrent uploads one gets the last space';
        my $video = $site->sql('SELECT max(id) FROM videos WHERE media_key IS NOT NULL AND author_id = ' . $ann->id);
        $ann->delete("/api/videos/$video")->is(204);
    }
    $ann->post(url($videos[2]), "5\r\nabcde\r\n0\r\n\r\n",
        headers => {'Transfer-Encoding' => 'chunked', 'Content-Length' => undef})
        ->is(507, 'a body of unknown length must reserve the maximum size, and returns 507');
    $site->stop;
};

subtest "VS_USER_QUOTA_VIDEOS limits the number of a user's videos" => sub {
    my $site = Site->start(VS_USER_QUOTA_VIDEOS => 2, VS_HTTP2_PORT => $http2);
    my $ann = $site->user('ann');
    my @videos = map { add_video($ann) } 1 .. 3;
    upload($ann, $videos[0])->is(201, 'the first video is accepted');
    my $upload = begin($ann);
    is_rejected($ann, $videos[1], $OVER_VIDEOS, 'a new video while another one is being uploaded');
    upload($ann, $videos[0])->is(201, 'the file of a video may be replaced at the limit');
    $upload->close;
    $site->soon(sub { upload($ann, $videos[1])->status == 201 }, 'the second video is accepted once the other upload has ended');
    is_rejected($ann, $videos[2], $OVER_VIDEOS, 'a third video');
    $ann->delete("/api/videos/$videos[0]")->is(204);
    upload($ann, $videos[2])->is(201, 'a deleted video makes room for another one');
    upload($site->user('ben'))->is(201, 'another user has their own quota');
    $site->stop;
};

subtest 'posters count towards the quota of bytes, not of videos' => sub {
    my $site = Site->start(VS_USER_QUOTA_BYTES => 2 * SIZE, VS_USER_QUOTA_VIDEOS => 1, VS_HTTP2_PORT => $http2);
    my $bucket = Bucket->new($site);
    my $ann = $site->user('ann');
    my @videos = map { add_video($ann) } 1 .. 3;
    my $image = "\xff\xd8\xff\xe0" . 'x' x (SIZE / 2 - 4);
    my $put = sub ($video, $body = $image, %options) { return $ann->put(url($video) . '/poster', $body, %options) };
    upload($ann, $videos[0])->is(201, 'a video is accepted');
    $put->($_)->is(201, 'a poster is accepted, with or without a video file') for @videos[0, 1];
    is reserved($ann), 0, 'no reservation is left';
    my $refused = $put->($videos[2], $image, headers => {Expect => '100-continue'}, on => $site->connect)
        ->is(507, 'a poster beyond the quota returns 507')->problem('013');
    is $refused->sent, 0, 'no byte of the rejected poster is sent';
    is $refused->json->{detail}, $OVER_BYTES, 'the detail names the limit';
    is $bucket->in_use('upload'), 0, 'a rejected upload takes no token';
    is_rejected($ann, $videos[0], $OVER_BYTES, 'a video for which the posters leave no space');
    $put->($videos[2], "4\r\nabcd\r\n0\r\n\r\n", headers => {'Transfer-Encoding' => 'chunked', 'Content-Length' => undef})
        ->is(507, 'a body of unknown length must reserve the maximum size, and returns 507');

    $ann->delete("/api/videos/$videos[1]")->is(204);
    for my $round (1 .. 3) {
        $put->($videos[2], 'x' x (SIZE / 2))->is(415, 'a poster that is not an image returns 415');
        is reserved($ann), 0, 'a failed upload releases its reservation';
    }
    my $upload = $ann->open('PUT', url($videos[2]) . '/poster', body => '', headers => {'Content-Length' => SIZE / 2});
    $site->soon(sub { reserved($ann) == 1 }, 'a poster is being uploaded');
    $put->($videos[0])->is(507, 'a poster while another one has reserved the rest returns 507');
    $upload->close;
    $site->soon(sub { $put->($videos[2])->status == 201 }, 'the reservation is released when the client disconnects');
    $ann->delete("/api/videos/$videos[0]")->is(204);
    upload($ann, $videos[2])->is(201, 'a deleted video makes room for another one');
    $site->stop;
};

subtest 'VS_DISK_HEADROOM_BYTES: only uploads are rejected when the disk is nearly full' => sub {
    my $folder = File::Temp->newdir;
    my $site = Site->start;
    my $ann = $site->user('ann');
    my $video = add_video($ann);
    upload($ann, $video)->is(201, 'an upload is accepted while there is enough space');
    $site->stop(keep => 1);

    $site = Site->start(VS_DISK_HEADROOM_BYTES => '1024T', VS_HTTP2_PORT => $http2, folder => $site->folder);
    $ann = $site->user('ann');
    my $other = add_video($ann);
    is_rejected($ann, $other, $DISK_FULL, 'an upload to a nearly full disk');
    $ann->put(url($other) . '/poster', 'x')->is(507, 'a poster returns 507, too')->problem('013');
    $site->get(url($video))->is(200, 'videos are still delivered')->body_is($bytes);
    $ann->post("/api/videos/$video/comments", {content => 'Lovely.'})->is(201, 'comments are still accepted');
    $ann->delete("/api/videos/$video")->is(204, 'videos can still be deleted');
    $site->soon(sub { !$site->media_files }, 'the file of the deleted video is removed from the disk');
    $site->stop;
};

subtest 'space reserved by one upload is not available to another' => sub {
    my $disk = File::Temp->newdir;
    plan skip_all => 'this user cannot mount a disk'
        if $> != 0 || system("mount -t tmpfs -o mode=755,size=${\DISK} video-server-test $disk 2>/dev/null") != 0;
    mkdir "$disk/media" or die "cannot make a folder: $!\n";
    my $site = Site->start(VS_MEDIA_DIR => "$disk/media", VS_DISK_HEADROOM_BYTES => 0);
    my ($ann, $ben) = map { $site->user($_) } qw(ann ben);
    my %form = ('Content-Length' => HALF_DISK, 'Content-Type' => 'multipart/form-data; boundary=x');
    $ben->post(url(add_video($ben)), '', headers => \%form, on => $site->connect)
        ->is(507, 'a form of more than half the disk, which needs twice its size, returns 507')->problem('013');
    my $upload = begin($ann, HALF_DISK);
    my $refused = $ben->post(url(add_video($ben)), '', headers => {'Content-Length' => HALF_DISK}, on => $site->connect);
    $refused->is(507, 'an upload that needs the space reserved by another one returns 507')->problem('013');
    upload($ben)->is(201, 'a smaller upload is accepted');
    $upload->close;
    # A rejected upload is answered at once; for an admitted one room is reserved.
    $site->soon(sub {
        my $again = $ben->open('POST', url(add_video($ben)), body => '', headers => {'Content-Length' => HALF_DISK});
        my $reserved = 0;
        for (1 .. POLLS) {
            last if ($reserved = reserved($ben)) || $again->await(qr/./, 0.05);
        }
        $again->close;
        return $reserved;
    }, 'an upload is admitted once the client with the reservation has disconnected');
    $site->stop;
    system 'umount', $disk;
};

done_testing;
