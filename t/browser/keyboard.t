# Who has no mouse, or does not see the page, gets along: all is done with the keyboard, the focus is where one goes on,
# and what happens is said.

use v5.36;
use utf8;

use FindBin;

use lib "$FindBin::Bin/../lib";
use Site;
use Browser;
use Gallery;

binmode Test::More->builder->$_, ':encoding(UTF-8)' for qw(output failure_output);

use constant SHIFT => "\x{e008}";

my $site = Site->start;
my $gallery = Gallery::fill($site, "$FindBin::Bin/../media/testcard.webm");
my $browser = Browser->start($site);
my ($TAB, $ENTER, $ESCAPE) = (Browser::TAB, Browser::ENTER, Browser::ESCAPE);

# The focus comes to what is called so.
sub focus_comes_to ($name, $test) {
    return $browser->soon(<<'JS', $test, $name);
        const element = document.activeElement;
        return !document.querySelector('main[aria-busy]') && (element.getAttribute('aria-label') || element.innerText).trim() === arguments[0];
JS
}

# Screen readers are told so.
sub is_said ($text) {
    return $browser->soon('return document.querySelector("[aria-live]").innerText.includes(arguments[0])', "it is said: $text", $text);
}

subtest 'the head' => sub {
    $browser->go('/')->sees('Bread');
    my @reached;
    for (1 .. 9) {
        $browser->keys($TAB);
        push @reached, $browser->focused;
    }
    is_deeply [@reached[0 .. 5]], ['Skip to the content', 'video-server', 'Search videos', 'Search', 'Log in', 'Register'], 'Tab goes through it';
    unlike join("\n", @reached), qr/^$/m, 'nothing that is reached is without a name';
};

subtest 'past the head' => sub {
    $browser->go('/')->sees('Bread')->keys($TAB);
    my $visits = $browser->script('return history.length');
    cmp_ok $browser->script('return document.activeElement.getBoundingClientRect().left'), '>=', 0, 'the way is seen when it has the focus';
    $browser->keys($ENTER)->soon('return document.activeElement.id === "page"', 'and leads there');
    $browser->keys($TAB);
    ok $browser->script('return document.activeElement.closest("main .card") !== null'), 'the next is the first video';
    is $browser->script('return history.length'), $visits, 'it is no visit of another page';
};

subtest 'a ring' => sub {
    $browser->go('/login')->find('input', 'Name');
    for my $name ('video-server', 'Search videos', 'Search', 'Register', 'Password', 'Light or dark') {
        $browser->tab_to($name);
        my $style = $browser->script('const s = getComputedStyle(document.activeElement); return s.outlineStyle + " " + parseFloat(s.outlineWidth)');
        is $style, 'solid 3', "is around what has the focus: $name";
    }
};

subtest 'logging in' => sub {
    $browser->go('/')->sees('Bread')->tab_to('Log in')->keys($ENTER)->is_at('/login');
    focus_comes_to('Log in', 'a page that one has come to has the focus, and its name is read out');
    $browser->tab_to('Name')->keys("ann${TAB}" . Gallery::PASSWORD . $ENTER)->is_at('/');
    $browser->find('a', 'ann');
};

subtest 'finding' => sub {
    $browser->go('/')->sees('Bread')->tab_to('Search videos')->keys("lake$ENTER")->sees('Videos with “lake”');
    focus_comes_to('Videos with “lake”', 'what was found has the focus');
    $browser->tab_to('Morning on the lake')->keys($ENTER)->is_at($gallery->{video});
    focus_comes_to('Morning on the lake', 'then the video');
};

subtest 'watching' => sub {
    $browser->keys($TAB);
    is $browser->focused, 'Play', 'comes first';
    $browser->keys($ENTER)->soon('return document.querySelector("video").currentTime > 0.2', 'Enter plays');
    is $browser->script('return document.activeElement.localName'), 'video', 'the player has the focus then';
    is $browser->focused, 'Morning on the lake', 'and a name';
};

subtest 'commenting' => sub {
    $browser->tab_to('Your comment')->keys('By hand.')->tab_to('Comment')->keys($ENTER)->sees('By hand.');
    is_said('Your comment is there.');
    $browser->tab_to('Delete ann’s comment')->keys($ENTER)->find('dialog');
    focus_comes_to('Cancel', 'a question comes with the harmless answer');
    $browser->keys($ESCAPE)->soon('return !document.querySelector("dialog")', 'Escape is one too');
    focus_comes_to('Delete ann’s comment', 'one is back where one was');
    $browser->sees('By hand.')->keys($ENTER)->find('dialog');
    $browser->tab_to('Delete')->keys($ENTER);
    is_said('The comment has been deleted.');
    $browser->sees_not('By hand.');
    focus_comes_to('Comments', 'the focus is not lost with it');
};

subtest 'editing' => sub {
    $browser->go($gallery->{video})->sees('Lovely colours.')->tab_to('Edit')->keys($ENTER)->find('input', 'Title');
    is $browser->focused, 'Title', 'the first field has the focus';
    $browser->tab_to('Cancel')->keys($ENTER);
    focus_comes_to('Edit', 'then the button again');
};

subtest 'ending a session' => sub {
    $browser->go('/settings')->sees('Another browser');
    my $other = $browser->script('return document.querySelector(".rows button").getAttribute("aria-label")');
    $browser->tab_to($other)->keys($ENTER);
    is_said('The session has ended.');
    focus_comes_to('Where you are logged in', 'the focus stays near');
};

subtest 'more comments' => sub {
    my ($id) = $gallery->{video} =~ /(\d+)/;
    my $bob = $site->user('bob', Gallery::PASSWORD);
    $bob->post("/api/videos/$id/comments", {content => "Number $_."})->is(201) for 1 .. 20;
    $browser->go($gallery->{video})->sees('Number 20.')->tab_to('Show more')->keys($ENTER)->sees('Lovely colours.');
    $browser->soon('return document.activeElement.closest("li") === document.querySelectorAll(".comments li")[20]', 'the focus is on the first of them');
};

subtest 'what moves' => sub {
    my $moves = 'return Array.from(document.querySelectorAll("*"), (e) => getComputedStyle(e).transitionDuration).some((d) => parseFloat(d) > 0)';
    $browser->go('/')->sees('Bread');
    ok $browser->script($moves), 'some things move a little';
    $browser->devtools('Emulation.setEmulatedMedia', features => [{name => 'prefers-reduced-motion', value => 'reduce'}]);
    ok !$browser->script($moves), 'but not for who wants none of that';
};

$browser->stop;
done_testing;
