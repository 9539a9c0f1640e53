# When as many watch as may, the player says so, waits as long as it was told, and then plays.

use v5.36;

use FindBin;

use lib "$FindBin::Bin/../lib";
use Bucket;
use Site;
use Browser;

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
$browser->stop;

done_testing;
