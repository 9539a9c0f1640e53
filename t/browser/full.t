# When the server is at its streaming limit or unreachable, the player says so, waits for
# Retry-After, and then plays.

use v5.36;
use utf8;

use FindBin;

use lib "$FindBin::Bin/../lib";
use Bucket;
use Site;
use Browser;

binmode Test::More->builder->$_, ':encoding(UTF-8)' for qw(output failure_output);

my $site = Site->start(VS_STREAM_TOKENS => 1);
my $ann = $site->user('ann');
my $bucket = Bucket->new($site);

sub add ($file) {
    my $vid = $ann->post('/api/videos', {title => 'Test card'})->is(201)->json->{id};
    $ann->upload($vid, $file)->is(201);
    return $vid;
}

my $vid = add("$FindBin::Bin/../media/testcard.webm");
my $large = add(Site::Media::path($site->folder, 'large.mp4', 30_000_000));

my $other = $site->open('GET', "/stream/videos/$large", buffer => 4096);
$site->soon(sub { $bucket->in_use == 1 }, 'another client takes the only token');

my $browser = Browser->start($site);
$browser->expect_console(qr/status of 429/);
$browser->go('/')->sees('Test card', 'the home page takes no token');
$browser->go("/videos/$vid")->sees('Test card', 'the page of a video takes no token');
$browser->press('Play');
$browser->sees('The server is busy. Retrying in', 'the player says that the server is busy');
is $browser->script('return document.querySelector("video").currentTime'), 0, 'the video does not play';
$other->close;
$browser->soon('return document.querySelector("video").currentTime > 0.2', 'the video plays once a token is free');
$browser->sees_not('The server is busy', 'the message is gone');
$browser->go('/');
$site->soon(sub { $bucket->in_use == 0 }, 'leaving the page releases the token');

sub network (%how) {
    $browser->devtools('Network.emulateNetworkConditions', offline => JSON::PP::false, latency => 0,
        downloadThroughput => -1, uploadThroughput => -1, %how);
    return;
}

$browser->expect_console(qr/ERR_INTERNET_DISCONNECTED/);
$browser->devtools('Network.enable');
$browser->go("/videos/$vid")->sees('Test card');
network(offline => JSON::PP::true);
$browser->press('Play')->sees('Connection lost. Retrying in', 'the player reports a lost connection');
is $browser->script('return document.querySelector("[aria-live]").innerText.match(/lost/g).length'), 1, 'the loss is announced once';
network();
$browser->soon('return document.querySelector("video").currentTime > 0.2', 'the video plays once the connection is back');

$browser->go("/videos/$vid")->sees('Test card')->script(<<'JS');
    const body = JSON.stringify({error: 'DB ops failed', error_code: '004'});
    window.fetch = async () => new Response(body, {status: 503, headers: {'Retry-After': '3'}});
JS
network(offline => JSON::PP::true);
$browser->press('Play')->sees('Database error. Retrying in', 'a server error is retried, too');
$browser->soon('return document.querySelector("[aria-live]").innerText.includes("Retrying in 3 s.")', 'the wait is that of Retry-After');
network();
$browser->soon('return document.querySelector("video").currentTime > 0.2', 'the video plays once the server responds');
$browser->stop;

done_testing;
