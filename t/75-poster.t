# Posters: an image for a video, which is delivered without a token and deleted with its video.

use v5.36;
use File::Glob qw(:bsd_glob);    # paths may have spaces
use FindBin;
use lib "$FindBin::Bin/lib";

use Bucket;
use Http2;
use Site;
use Site::Port;

use constant SIZE_MAX => 512 * 1024;

my $http2 = Site::Port::free();
my $site = Site->start(VS_STREAM_TOKENS => 1, VS_HTTP2_PORT => $http2);
my $bucket = Bucket->new($site);
my ($ann, $ben) = map { $site->user($_) } qw(ann ben);
my $jpeg = "\xff\xd8\xff\xe0" . 'an image ' x 1000;
my $webp = 'RIFF' . pack('V', 9012) . 'WEBPVP8 ' . 'x' x 9004;
my $video = $ann->post('/api/videos', {title => 'A video'})->json->{id};
my $url = "/stream/videos/$video/poster";

sub incoming () { return my @files = glob "$site->{media}/incoming/*" }

subtest 'a JPEG or WebP poster is stored, delivered and replaced' => sub {
    my $before = $site->get("/api/videos/$video")->json_is({%{$site->get("/api/videos/$video")->json}, poster_url => undef});
    $site->get($url)->is(404)->problem('007');
    $ann->put($url, $jpeg)->is(201)->json_is({id => $video, size => length $jpeg, content_type => 'image/jpeg'});
    $site->get($url)->is(200)->header_is('Content-Type', 'image/jpeg')->body_is($jpeg);
    my $etag = $site->get("$url/")->is(200)->header('ETag');
    $site->get($url, headers => {'If-None-Match' => $etag})->is(304);
    my $shown = $site->get("/api/videos/$video", headers => {'If-None-Match' => scalar $before->header('ETag')})->is(200);
    is $shown->json->{poster_url}, $url, 'the video has the URL of the poster';
    is $site->get('/api/videos')->json->[0]{poster_url}, $url, 'the list of videos has the URL of the poster';

    $ann->put($url, $webp, headers => {'Content-Type' => 'image/jpeg'})->is(201, 'another poster with a wrong Content-Type is accepted');
    $site->get($url)->header_is('Content-Type', 'image/webp')->body_is($webp);
    $site->soon(sub { 1 == $site->media_files }, 'the replaced poster is deleted');
    $ann->put($url, "\xff\xd8\xff\xe0" . 'x' x (SIZE_MAX - 4))->is(201, 'a poster of the maximum size is accepted');
    $site->soon(sub { !incoming() && !$bucket->in_use('upload') }, 'no incoming file and no token is left');
};

subtest 'invalid posters are rejected' => sub {
    my $kept = $site->get($url)->body;
    my @cases = (
        ['a request without a session',     401, '003', $site, $url, $jpeg],
        ['another user',                    403, '006', $ben,  $url, $jpeg],
        ['an unknown video',                404, '007', $ann,  '/stream/videos/999999/poster', $jpeg],
        ['an invalid id',                   400, '001', $ann,  '/stream/videos/x/poster', $jpeg],
        ['a poster above the maximum size', 413, '002', $ann,  $url, $jpeg . 'x' x SIZE_MAX],
    );
    for my $case (@cases) {
        my ($name, $status, $code, $actor, $address, $body) = @$case;
        my $answer = $actor->put($address, $body, headers => {Expect => '100-continue'}, on => $site->connect);
        $answer->is($status, "$name returns $status")->problem($code);
        is $answer->sent, 0, "$name: no byte of the body is sent";
        is Http2->rejection($http2, $actor->bytes('PUT', $address, body => $body)), "$status $code", "$name over HTTP/2 returns $status, too";
    }
    $ann->put($url, 'not an image')->is(415)->problem('010');
    $ann->put($url, Site::Media::content('mp4'))->is(415, 'a video as poster returns 415');
    $ann->put($url, '')->is(400, 'an empty poster returns 400')->problem('001');
    $ann->post($url, $jpeg)->is(405)->header_is('Allow', 'OPTIONS, GET, HEAD, PUT');
    $site->get($url)->body_is($kept, 'the existing poster is unchanged');
    $site->soon(sub { !incoming() && !$bucket->in_use('upload') }, 'no incoming file and no token is left');
};

subtest 'a poster is delivered without a token' => sub {
    $ann->post("/stream/videos/$video", Site::Media::content('mp4', 12 * 1024 * 1024))->is(201);
    my $viewer = $site->open('GET', "/stream/videos/$video", buffer => 4096);
    $site->soon(sub { $bucket->in_use('stream') == 1 }, 'the only token is in use');
    $site->get($url)->is(200, 'the poster is delivered all the same');
    $viewer->close;
};

subtest 'a poster is deleted with its video' => sub {
    $ann->delete("/api/videos/$video")->is(204);
    $site->get($url)->is(404, 'the poster returns 404');
    $site->soon(sub { !$site->media_files }, 'the files of the video and the poster are removed from the disk');
};

done_testing;
