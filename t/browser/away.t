# When the server is away or in trouble, a page says so, and goes on once one tries again.

use v5.36;
use utf8;

use FindBin;

use lib "$FindBin::Bin/../lib";
use Site;
use Browser;
use Gallery;

binmode Test::More->builder->$_, ':encoding(UTF-8)' for qw(output failure_output);

use constant FILMS => 30;

my $site = Site->start;
my $ann = $site->user('ann', Gallery::PASSWORD);
Gallery::add_films($ann, FILMS);
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

# Requests of scripts fail as if the database were down, until mend.
sub break () {
    $browser->script(<<'JS');
        const body = JSON.stringify({error: 'DB ops failed', error_code: '004'});
        window.mended = window.fetch;
        window.fetch = async () => new Response(body, {status: 503, headers: {'Retry-After': '1'}});
JS
    return;
}

sub mend () { $browser->script('window.fetch = window.mended'); return }

subtest 'a page whose scripts do not come' => sub {
    $browser->go('/')->sees('Film 1');
    offline(1);
    $browser->follow('Film 1')->sees('The server doesn’t answer. Are you connected?', 'is told in words');
    $browser->press('Try again');
    $browser->soon('return document.querySelector("[aria-live]").innerText.includes("The server doesn’t answer.")', 'as often as one tries');
    offline(0);
    $browser->press('Try again')->is_at("/videos/$first")->sees('A comment.', 'until they are there');
};

subtest 'a page whose data do not come' => sub {
    $browser->go('/')->sees('Film 1');
    break();
    $browser->follow('Film 1')->sees('The database doesn’t work', 'is told, too');
    $browser->press('Try again')->sees('The database doesn’t work', 'as often as one tries');
    mend();
    $browser->press('Try again')->is_at("/videos/$first")->sees('A comment.', 'until it is there');
};

subtest 'more videos' => sub {
    $browser->go('/')->sees('Film 1');
    break();
    $browser->script('document.querySelector(".more").scrollIntoView()');
    $browser->sees('The database doesn’t work', 'a page of a list that does not come is told');
    mend();
    $browser->press('Show more')->sees('Film ' . FILMS, 'and is there when one asks again');
    $browser->sees_not('The database doesn’t work');
};

subtest 'a button' => sub {
    Gallery::log_in($browser);
    $browser->go("/videos/$first")->sees('Another.');
    break();
    $browser->press('Delete ann’s comment')->click('dialog button', 'Delete')->sees('The database doesn’t work', 'tells why it does nothing')
        ->sees('Another.');
    mend();
    $browser->press('Delete ann’s comment')->click('dialog button', 'Delete')->sees_not('Another.', 'and then does it');
};

subtest 'dark, without scripts' => sub {
    $browser->devtools('Network.setBlockedURLs', urls => ['*/main.js']);
    my %ground;
    for my $theme ('light', 'dark') {
        $browser->devtools('Emulation.setEmulatedMedia', features => [{name => 'prefers-color-scheme', value => $theme}]);
        $browser->go('/login');
        is $browser->script('return document.documentElement.dataset.theme ?? null'), undef, 'no script has chosen the colours';
        $ground{$theme} = $browser->script('return getComputedStyle(document.body).backgroundColor');
    }
    isnt $ground{dark}, $ground{light}, 'nothing bright is seen before they come';
};

$browser->stop;
done_testing;
