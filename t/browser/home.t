# The home page: its requests, scroll restoration, language and theme.

use v5.36;
use utf8;

use FindBin;

use lib "$FindBin::Bin/../lib";
use Site;
use Browser;
use Gallery;

binmode Test::More->builder->$_, ':encoding(UTF-8)' for qw(output failure_output);

use constant VIDEOS => 60;

my $site = Site->start;
my $home = 'http://localhost:' . $site->port;
my $ann = $site->user('ann');
Gallery::add_videos($ann, VIDEOS);
my ($first) = map { $_->{id} } @{$site->get('/api/videos?limit=1')->json};
$ann->put("/stream/videos/$first/poster", "\xff\xd8\xff\xe0 not a valid image")->is(201);

# The depth of each URL in the chain of requests: 1 for the document, 2 for what the
# document names, 3 for what only those responses name, and so on.
sub depths (@requests) {
    my %depth;
    for my $request (@requests) {
        my $from = $request->{from} // "$home/";
        $depth{$request->{url}} //= $request->{url} eq "$home/" ? 1 : ($depth{$from} // die "$request->{url} by $from\n") + 1;
    }
    return %depth;
}

subtest 'requests' => sub {
    my $browser = Browser->start($site, network => 1);
    $browser->go('/')->sees('Video 1');
    my @requests = $browser->requests;
    is_deeply [grep { !m{^\Q$home\E/} } map { $_->{url} } @requests], [], 'all requests go to this site';
    my @without_media = grep { $_->{url} !~ m{/stream/} } @requests;
    my %depth = depths(@without_media);
    is_deeply [grep { $depth{$_} > 2 } sort keys %depth], [], 'no request waits for another, besides the document';
    my $list = "$home/api/videos?limit=24&state=ready";
    is scalar(grep { $_->{url} eq $list } @requests), 1, 'the list of videos is requested once';
    is $depth{$list}, 2, 'the list of videos is preloaded';
    is scalar(grep { $_->{url} =~ m{/stream/} && $_->{url} !~ m{/poster$} } @requests), 0, 'no video file is requested';
    $browser->soon('return !document.querySelector("main img")', 'a broken poster is replaced by the placeholder');
    $browser->stop;
};

subtest 'a video file' => sub {
    my $browser = Browser->start($site, network => 1);
    $browser->go("/videos/$first")->sees('No comments yet.');
    my $file = "$home/stream/videos/$first";
    is scalar(grep { $_->{url} eq $file } $browser->requests), 0, 'the page of a video does not request its file';
    $browser->press('Play')->sees('This browser can’t play this video.');
    cmp_ok scalar(grep { $_->{url} eq $file } $browser->requests), '>', 0, 'pressing Play requests the file';
    $browser->stop;
};

subtest 'scroll restoration' => sub {
    my $browser = Browser->start($site);
    my $count = 'return document.querySelectorAll(".card").length';
    for my $path ('/', '/users/' . $ann->id) {
        $browser->go($path)->sees('Video 1');
        $browser->soon("scrollTo(0, document.body.scrollHeight); $count === @{[VIDEOS]}", "$path: scrolling loads all videos");
        $browser->script('Array.from(document.querySelectorAll(".card h2 a")).find((a) => a.innerText === "Video 50").scrollIntoView()');
        my $position = $browser->script('return scrollY');
        cmp_ok $position, '>', 500, 'the page is scrolled far down';
        $browser->follow('Video 50')->soon('return document.querySelector("h1")?.innerText === "Video 50"', 'a link opens a video');
        my $is_back = 'return !document.querySelector("main[aria-busy]") && document.querySelectorAll(".card").length === arguments[0]'
            . ' && Math.abs(scrollY - arguments[1]) < 2';
        $browser->back->soon($is_back, 'back restores the scroll position', VIDEOS, $position);
        $browser->forward->sees('No comments yet.')->back->soon($is_back, 'back after forward restores it', VIDEOS, $position);
        $browser->reload->soon($is_back, 'a reload restores it', VIDEOS, $position);
        $browser->go('/api/openapi.json');
        $browser->back->soon($is_back, 'back from a URL outside the website restores it', VIDEOS, $position);
        is $browser->script('return new Set(Array.from(document.querySelectorAll(".card h2 a"), (a) => a.href)).size'), VIDEOS, 'each video is listed once';
        $browser->go('/login')->sees('New here?')->click('a', 'video-server')->is_at('/');
        is $browser->script('return scrollY'), 0, 'a link opens a page at its top';
    }
    $browser->expect_console(qr{/favicon\.ico .*status of 404});    # of the JSON document, which names no icon
    $browser->stop;
};

subtest 'keyboard focus while loading more' => sub {
    my $browser = Browser->start($site);
    $browser->go('/')->sees('Video 1')->script('document.querySelector(".more").focus()');
    $browser->soon('return document.activeElement.innerText === "Video 25"', 'the focus moves from the button to the first new video');
    $browser->stop;
};

subtest 'language and theme' => sub {
    my $browser = Browser->start($site, language => 'zh-CN', theme => 'dark');
    # The login page has a fixed height, so its footer stays in place.
    $browser->go('/login')->sees('还没有账号？', 'the page is in the browser’s language');
    is $browser->script('return document.documentElement.lang'), 'zh-CN', 'the lang attribute is set';
    $browser->fill('用户名', 'nobody')->fill('密码', 'nothing like it')->click('main button', '登录')
        ->sees('身份验证失败：用户名或密码不正确', 'the server’s message is translated');
    $browser->expect_console(qr/status of 401/);
    $browser->press('Switch to English')->sees('New here?');
    $browser->reload->sees('New here?', 'the language survives a reload');
    my $theme = 'return document.documentElement.dataset.theme';
    is $browser->script($theme), 'dark', 'the theme is the system’s';
    my $dark = $browser->script('return getComputedStyle(document.body).backgroundColor');
    $browser->press('Switch theme');
    is $browser->script($theme), 'light', 'the button switches the theme';
    isnt $browser->script('return getComputedStyle(document.body).backgroundColor'), $dark, 'the background changes';
    $browser->reload->sees('New here?');
    is $browser->script($theme), 'light', 'the theme survives a reload';
    $browser->stop;
};

done_testing;
