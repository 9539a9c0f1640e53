# The site is usable with a keyboard and a screen reader: every action is reachable, the
# focus is never lost, and changes are announced.

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

# Waits until the element of that name has the focus.
sub focus_moves_to ($name, $test) {
    return $browser->soon(<<'JS', $test, $name);
        const element = document.activeElement;
        return !document.querySelector('main[aria-busy]') && (element.getAttribute('aria-label') || element.innerText).trim() === arguments[0];
JS
}

# Waits until the live region announces the text.
sub is_announced ($text) {
    return $browser->soon('return document.querySelector("[aria-live]").innerText.includes(arguments[0])', "announced: $text", $text);
}

subtest 'the header' => sub {
    $browser->go('/')->sees('Bread');
    my @reached;
    for (1 .. 9) {
        $browser->keys($TAB);
        push @reached, $browser->focused;
    }
    is_deeply [@reached[0 .. 5]], ['Skip to main content', 'video-server', 'Search videos', 'Search', 'Log in', 'Register'], 'Tab goes through the header in order';
    unlike join("\n", @reached), qr/^$/m, 'every focusable element has a name';
};

subtest 'the skip link' => sub {
    $browser->go('/')->sees('Bread')->keys($TAB);
    my $entries = $browser->script('return history.length');
    cmp_ok $browser->script('return document.activeElement.getBoundingClientRect().left'), '>=', 0, 'the skip link is visible while focused';
    $browser->keys($ENTER)->soon('return document.activeElement.id === "page"', 'the skip link focuses the main content');
    $browser->keys($TAB);
    ok $browser->script('return document.activeElement.closest("main .card") !== null'), 'Tab then goes to the first video';
    is $browser->script('return history.length'), $entries, 'the skip link adds no history entry';
};

subtest 'the focus ring' => sub {
    $browser->go('/login')->find('input', 'Username');
    for my $name ('video-server', 'Search videos', 'Search', 'Register', 'Password', 'Switch theme') {
        $browser->tab_to($name);
        my $style = $browser->script('const s = getComputedStyle(document.activeElement); return s.outlineStyle + " " + parseFloat(s.outlineWidth)');
        is $style, 'solid 3', "the focused element has a ring: $name";
    }
};

subtest 'logging in' => sub {
    $browser->go('/')->sees('Bread')->tab_to('Log in')->keys($ENTER)->is_at('/login');
    focus_moves_to('Log in', 'the new page has the focus and a label');
    $browser->tab_to('Username')->keys("ann${TAB}" . Gallery::PASSWORD . $ENTER)->is_at('/');
    $browser->find('a', 'ann');
};

subtest 'searching' => sub {
    $browser->go('/')->sees('Bread')->tab_to('Search videos')->keys("lake$ENTER")->sees('Results for “lake”');
    focus_moves_to('Results for “lake”', 'the results have the focus');
    $browser->tab_to('Morning on the lake')->keys($ENTER)->is_at($gallery->{video});
    focus_moves_to('Morning on the lake', 'the page of the video has the focus');
};

subtest 'playing' => sub {
    $browser->keys($TAB);
    is $browser->focused, 'Play', 'Play is the first stop';
    $browser->keys($ENTER)->soon('return document.querySelector("video").currentTime > 0.2', 'Enter plays the video');
    is $browser->script('return document.activeElement.localName'), 'video', 'the player then has the focus';
    is $browser->focused, 'Morning on the lake', 'the player has a name';
};

subtest 'commenting' => sub {
    $browser->tab_to('Your comment')->keys('By hand.')->tab_to('Comment')->keys($ENTER)->sees('By hand.');
    is_announced('Comment posted.');
    $browser->tab_to('Delete ann’s comment')->keys($ENTER)->find('dialog');
    focus_moves_to('Cancel', 'the dialog focuses Cancel');
    $browser->keys($ESCAPE)->soon('return !document.querySelector("dialog")', 'Escape closes the dialog');
    focus_moves_to('Delete ann’s comment', 'the focus returns to the button');
    $browser->sees('By hand.')->keys($ENTER)->find('dialog');
    $browser->tab_to('Delete')->keys($ENTER);
    is_announced('Comment deleted.');
    $browser->sees_not('By hand.');
    focus_moves_to('Comments', 'the focus moves to the heading');
};

subtest 'editing' => sub {
    $browser->go($gallery->{video})->sees('Lovely colours.')->tab_to('Edit')->keys($ENTER)->find('input', 'Title');
    is $browser->focused, 'Title', 'the editor focuses its first field';
    $browser->tab_to('Cancel')->keys($ENTER);
    focus_moves_to('Edit', 'Cancel returns the focus to the button');
};

subtest 'ending a session' => sub {
    $browser->go('/settings')->sees('Another browser');
    my $other = $browser->script('return document.querySelector(".rows button").getAttribute("aria-label")');
    $browser->tab_to($other)->keys($ENTER);
    is_announced('Session ended.');
    focus_moves_to('Where you’re logged in', 'the focus moves to the heading');
};

subtest 'more comments' => sub {
    my ($id) = $gallery->{video} =~ /(\d+)/;
    my $bob = $site->user('bob', Gallery::PASSWORD);
    $bob->post("/api/videos/$id/comments", {content => "Number $_."})->is(201) for 1 .. 20;
    $browser->go($gallery->{video})->sees('Number 20.')->tab_to('Show more')->keys($ENTER)->sees('Lovely colours.');
    $browser->soon('return document.activeElement.closest("li") === document.querySelectorAll(".comments li")[20]', 'the focus moves to the first new comment');
};

subtest 'reduced motion' => sub {
    my $has_transitions = 'return Array.from(document.querySelectorAll("*"), (e) => getComputedStyle(e).transitionDuration).some((d) => parseFloat(d) > 0)';
    $browser->go('/')->sees('Bread');
    ok $browser->script($has_transitions), 'the page has transitions';
    $browser->devtools('Emulation.setEmulatedMedia', features => [{name => 'prefers-reduced-motion', value => 'reduce'}]);
    ok !$browser->script($has_transitions), 'prefers-reduced-motion removes all transitions';
};

$browser->stop;
done_testing;
