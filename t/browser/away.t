# When the server is unreachable or fails, pages show an error, and retrying recovers.

use v5.36;
use utf8;

use FindBin;

use lib "$FindBin::Bin/../lib";
use Site;
use Browser;
use Gallery;

binmode Test::More->builder->$_, ':encoding(UTF-8)' for qw(output failure_output);

use constant VIDEOS => 30;

my $site = Site->start;
my $ann = $site->user('ann', Gallery::PASSWORD);
Gallery::add_videos($ann, VIDEOS);
my ($first) = map { $_->{id} } @{$site->get('/api/videos?limit=1')->json};
$ann->post("/api/videos/$first/comments", {content => $_})->is(201) for 'A comment.', 'Another.';
my $browser = Browser->start($site);
$browser->expect_console(qr/ERR_INTERNET_DISCONNECTED|ERR_BLOCKED_BY_CLIENT/);
$browser->devtools('Network.enable');

sub offline ($is_so) {
    $browser->devtools('Network.emulateNetworkConditions', offline => $is_so ? JSON::PP::true : JSON::PP::false, latency => 0,
        downloadThroughput => -1, uploadThroughput => -1);
    return;
}

# Makes requests from scripts fail as if the database were down, until mend() is called.
sub break () {
    $browser->script(<<'JS');
        const body = JSON.stringify({error: 'DB ops failed', error_code: '004'});
        window.originalFetch = window.fetch;
        window.fetch = async () => new Response(body, {status: 503, headers: {'Retry-After': '1'}});
JS
    return;
}

sub mend () { $browser->script('window.fetch = window.originalFetch'); return }

subtest 'a page whose module does not load' => sub {
    $browser->go('/')->sees('Video 1');
    offline(1);
    $browser->follow('Video 1')->sees('Can’t reach the server. Check your connection.', 'the page shows the error');
    $browser->press('Try again');
    $browser->soon('return document.querySelector("[aria-live]").innerText.includes("Can’t reach the server.")', 'a failing retry is announced');
    offline(0);
    $browser->press('Try again')->is_at("/videos/$first")->sees('A comment.', 'a retry loads the page once the server is back');
};

subtest 'a page whose data does not load' => sub {
    $browser->go('/')->sees('Video 1');
    break();
    $browser->follow('Video 1')->sees('Database error', 'the page shows the error');
    $browser->press('Try again')->sees('Database error', 'a failing retry shows the error again');
    mend();
    $browser->press('Try again')->is_at("/videos/$first")->sees('A comment.', 'a retry loads the page once the database is back');
};

subtest 'more videos' => sub {
    $browser->go('/')->sees('Video 1');
    break();
    $browser->script('document.querySelector(".more").scrollIntoView()');
    $browser->sees('Database error', 'the list shows why more videos do not load');
    mend();
    $browser->press('Show more')->sees('Video ' . VIDEOS, 'Show more loads them once the database is back');
    $browser->sees_not('Database error');
};

subtest 'a failing action' => sub {
    Gallery::log_in($browser);
    $browser->go("/videos/$first")->sees('Another.');
    break();
    $browser->press('Delete ann’s comment')->click('dialog button', 'Delete')->sees('Database error', 'a notice shows the error')
        ->sees('Another.');
    mend();
    $browser->press('Delete ann’s comment')->click('dialog button', 'Delete')->sees_not('Another.', 'the action works once the database is back');
};

subtest 'dark theme before scripts load' => sub {
    $browser->devtools('Network.setBlockedURLs', urls => ['*/main.js']);
    my %background;
    for my $theme ('light', 'dark') {
        $browser->devtools('Emulation.setEmulatedMedia', features => [{name => 'prefers-color-scheme', value => $theme}]);
        $browser->go('/login');
        is $browser->script('return document.documentElement.dataset.theme ?? null'), undef, 'no script has set the theme';
        $background{$theme} = $browser->script('return getComputedStyle(document.body).backgroundColor');
    }
    isnt $background{dark}, $background{light}, 'the page is dark before scripts load';
};

$browser->stop;
done_testing;
