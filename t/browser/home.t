# The home page: what it takes until it is there, coming back to where one was, the language and the colours.

use v5.36;
use utf8;

use FindBin;

use lib "$FindBin::Bin/../lib";
use Site;
use Browser;
use Gallery;

binmode Test::More->builder->$_, ':encoding(UTF-8)' for qw(output failure_output);

use constant FILMS => 60;

my $site = Site->start;
my $home = 'http://localhost:' . $site->port;
my $ann = $site->user('ann');
Gallery::add_films($ann, FILMS);
my ($first) = map { $_->{id} } @{$site->get('/api/videos?limit=1')->json};
$ann->put("/stream/videos/$first/poster", "\xff\xd8\xff\xe0 no picture that a browser can show")->is(201);

# Which place each address has in the longest row of requests that leads to it: one is known only by the answer to
# the one before.
sub places (@requests) {
    my %depth;
    for my $request (@requests) {
        my $from = $request->{from} // "$home/";
        $depth{$request->{url}} //= $request->{url} eq "$home/" ? 1 : ($depth{$from} // die "$request->{url} by $from\n") + 1;
    }
    return %depth;
}

subtest 'what is asked for' => sub {
    my $browser = Browser->start($site, network => 1);
    $browser->go('/')->sees('Film 1');
    my @requests = $browser->requests;
    is_deeply [grep { !m{^\Q$home\E/} } map { $_->{url} } @requests], [], 'nothing of others';
    my @until_there = grep { $_->{url} !~ m{/stream/} } @requests;
    my %depth = places(@until_there);
    is_deeply [grep { $depth{$_} > 2 } sort keys %depth], [], 'the page, and all that it needs at once';
    my $list = "$home/api/videos?limit=24&state=ready";
    is scalar(grep { $_->{url} eq $list } @requests), 1, 'the list of videos once';
    is $depth{$list}, 2, 'with the rest';
    is scalar(grep { $_->{url} =~ m{/stream/} && $_->{url} !~ m{/poster$} } @requests), 0, 'no film';
    $browser->soon('return !document.querySelector("main img")', 'a picture that is none gives way to a drawing');
    $browser->stop;
};

subtest 'a film' => sub {
    my $browser = Browser->start($site, network => 1);
    $browser->go("/videos/$first")->sees('No comments yet.');
    my $film = "$home/stream/videos/$first";
    is scalar(grep { $_->{url} eq $film } $browser->requests), 0, 'is not asked for with its page';
    $browser->press('Play')->sees('This browser can’t play the film.');
    cmp_ok scalar(grep { $_->{url} eq $film } $browser->requests), '>', 0, 'but by who wants to see it';
    $browser->stop;
};

subtest 'coming back' => sub {
    my $browser = Browser->start($site);
    my $count = 'return document.querySelectorAll(".card").length';
    for my $path ('/', '/users/' . $ann->id) {
        $browser->go($path)->sees('Film 1');
        $browser->soon("scrollTo(0, document.body.scrollHeight); $count === @{[FILMS]}", "$path: scrolling shows all");
        $browser->script('Array.from(document.querySelectorAll(".card h2 a")).find((a) => a.innerText === "Film 50").scrollIntoView()');
        my $place = $browser->script('return scrollY');
        cmp_ok $place, '>', 500, 'one is far down';
        $browser->follow('Film 50')->soon('return document.querySelector("h1")?.innerText === "Film 50"', 'and looks at a video');
        my $is_back = 'return !document.querySelector("main[aria-busy]") && document.querySelectorAll(".card").length === arguments[0]'
            . ' && Math.abs(scrollY - arguments[1]) < 2';
        $browser->back->soon($is_back, 'the back button leads to the same place', FILMS, $place);
        $browser->forward->sees('No comments yet.')->back->soon($is_back, 'again', FILMS, $place);
        $browser->reload->soon($is_back, 'so does a reload', FILMS, $place);
        $browser->go('/api/openapi.json');
        $browser->back->soon($is_back, 'and who comes back from elsewhere', FILMS, $place);
        is $browser->script('return new Set(Array.from(document.querySelectorAll(".card h2 a"), (a) => a.href)).size'), FILMS, 'each video is there once';
        $browser->go('/login')->sees('New here?')->click('a', 'video-server')->is_at('/');
        is $browser->script('return scrollY'), 0, 'a link leads to the top';
    }
    $browser->expect_console(qr{/favicon\.ico .*status of 404});    # of the document, which names no icon
    $browser->stop;
};

subtest 'on and on' => sub {
    my $browser = Browser->start($site);
    $browser->go('/')->sees('Film 1')->script('document.querySelector(".more").focus()');
    $browser->soon('return document.activeElement.innerText === "Film 25"', 'who has come to the end by keyboard goes on with the next one');
    $browser->stop;
};

subtest 'language and colours' => sub {
    my $browser = Browser->start($site, language => 'zh-CN', theme => 'dark');
    # On a page that doesn't grow while one looks for its foot.
    $browser->go('/login')->sees('还没有账号？', 'as the browser speaks');
    is $browser->script('return document.documentElement.lang'), 'zh-CN', 'which screen readers are told';
    $browser->fill('用户名', 'nobody')->fill('密码', 'nothing like it')->click('main button', '登录')
        ->sees('验证失败：用户名或密码不正确', 'what the server says, too');
    $browser->expect_console(qr/status of 401/);
    $browser->press('Switch to English')->sees('New here?');
    $browser->reload->sees('New here?', 'and stays');
    my $theme = 'return document.documentElement.dataset.theme';
    is $browser->script($theme), 'dark', 'as the system is';
    my $dark = $browser->script('return getComputedStyle(document.body).backgroundColor');
    $browser->press('Light or dark');
    is $browser->script($theme), 'light', 'until one switches';
    isnt $browser->script('return getComputedStyle(document.body).backgroundColor'), $dark, 'which is seen';
    $browser->reload->sees('New here?');
    is $browser->script($theme), 'light', 'and stays';
    $browser->stop;
};

done_testing;
