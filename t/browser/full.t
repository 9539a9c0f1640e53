# When as many watch as may, or nobody answers, the player says so, waits as long as it was told, and then plays.

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

sub add ($film) {
    my $vid = $ann->post('/api/videos', {title => 'Test card'})->is(201)->json->{id};
    $ann->upload($vid, $film)->is(201);
    return $vid;
}

my $vid = add("$FindBin::Bin/../media/testcard.webm");
my $large = add(Site::Media::path($site->folder, 'large.mp4', 30_000_000));

my $other = $site->open('GET', "/stream/videos/$large", buffer => 4096);
$site->soon(sub { $bucket->in_use == 1 }, 'somebody else watches');

my $browser = Browser->start($site);
$browser->expect_console(qr/status of 429/);
$browser->go('/')->sees('Test card', 'the home page needs no place');
$browser->go("/videos/$vid")->sees('Test card', 'nor does the page of a video');
$browser->press('Play');
$browser->sees('As many people are watching as can. Trying again in', 'the player says that it is full');
is $browser->script('return document.querySelector("video").currentTime'), 0, 'nothing plays';
$other->close;
$browser->soon('return document.querySelector("video").currentTime > 0.2', 'when there is a place again, it plays by itself');
$browser->sees_not('As many people', 'and says no more');
$browser->go('/');
$site->soon(sub { $bucket->in_use == 0 }, 'who leaves the page gives the place back');

sub network (%how) {
    $browser->devtools('Network.emulateNetworkConditions', offline => JSON::PP::false, latency => 0,
        downloadThroughput => -1, uploadThroughput => -1, %how);
    return;
}

$browser->expect_console(qr/ERR_INTERNET_DISCONNECTED/);
$browser->devtools('Network.enable');
$browser->go("/videos/$vid")->sees('Test card');
network(offline => JSON::PP::true);
$browser->press('Play')->sees('The connection was lost. Trying again in', 'without a connection the player says that');
is $browser->script('return document.querySelector("[aria-live]").innerText.match(/lost/g).length'), 1, 'once, to who listens';
network();
$browser->soon('return document.querySelector("video").currentTime > 0.2', 'when it is back, the film plays by itself');

$browser->go("/videos/$vid")->sees('Test card')->script(<<'JS');
    const body = JSON.stringify({error: 'DB ops failed', error_code: '004'});
    window.fetch = async () => new Response(body, {status: 503, headers: {'Retry-After': '3'}});
JS
network(offline => JSON::PP::true);
$browser->press('Play')->sees('The database doesn’t work. Trying again in', 'a server that is in trouble is waited for too');
$browser->soon('return document.querySelector("[aria-live]").innerText.includes("Trying again in 3 s.")', 'as long as it says');
network();
$browser->soon('return document.querySelector("video").currentTime > 0.2', 'and asked again');
$browser->stop;

done_testing;
