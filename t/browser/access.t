# Every page can be used by everybody: axe-core finds no barrier, in light and dark, wide and narrow; and all can be
# done with the keyboard.

use v5.36;
use utf8;

use FindBin;

use lib "$FindBin::Bin/../lib";
use Site;
use Browser;
use Gallery;

binmode Test::More->builder->$_, ':encoding(UTF-8)' for qw(output failure_output);

my $site = Site->start;
my $gallery = Gallery::fill($site, "$FindBin::Bin/../media/testcard.webm");

open my $file, '<', "$FindBin::Bin/axe/axe.min.js" or die "cannot read axe: $!\n";
my $axe = do { local $/; <$file> };

# What axe has against the page.
sub barriers ($browser) {
    $browser->script("$axe; window.axe = axe");
    my $found = $browser->promise('return (await axe.run(document)).violations.map((v) => v.id + ": " + v.nodes.map((n) => n.html + " " + n.failureSummary).join("; "))');
    return ref $found ? @$found : "axe failed: $found";
}

for my $way ([light => 'on a desk'], [dark => 'on a desk'], [light => 'on a phone'], [dark => 'on a phone']) {
    my ($theme, $where) = @$way;
    subtest "$theme, $where" => sub {
        my $browser = Browser->start($site, theme => $theme, phone => $where eq 'on a phone');
        $browser->expect_console(qr/status of 404/);
        my $check = sub ($name, $path, $text) {
            $browser->go($path)->sees($text);
            is_deeply [barriers($browser)], [], "$name has no barrier";
            is $browser->script('return document.documentElement.dataset.theme'), $theme, 'and the colours that were wanted';
            cmp_ok $browser->script('return document.documentElement.scrollWidth - innerWidth'), '<=', 0, 'and fits its width';
        };
        $check->(@$_) for $gallery->public_pages;
        $gallery->log_in($browser);
        $check->(@$_) for $gallery->private_pages;
        $browser->go($gallery->{video})->press('Edit')->find('button', 'Save');
        is_deeply [barriers($browser)], [], 'the editor has no barrier';
        $browser->press('Cancel')->press('Delete')->find('dialog');
        is_deeply [barriers($browser)], [], 'nor has the question';
        $browser->stop;
    };
}

subtest 'what axe finds is seen' => sub {
    my $browser = Browser->start($site);
    $browser->go('/')->sees('Bread')->script('document.querySelector("input").removeAttribute("aria-label"); document.querySelector("input").placeholder = ""');
    like join(' ', barriers($browser)), qr/^label: /, 'a field without a name';
    $browser->stop;
};

subtest 'by keyboard' => sub {
    my ($TAB, $ENTER) = ("\x{e004}", "\x{e007}");
    my $browser = Browser->start($site);
    my $focused = sub { $browser->script('return (document.activeElement.getAttribute("aria-label") || document.activeElement.innerText).trim()') };
    $browser->go('/')->sees('Bread');
    my @reached;
    for (1 .. 9) {
        $browser->keys($TAB);
        push @reached, $focused->();
    }
    is_deeply [@reached[0 .. 5]], ['Skip to the content', 'video-server', 'Search videos', 'Search', 'Log in', 'Register'], 'Tab goes through the head';
    unlike join("\n", @reached), qr/^$/m, 'nothing that is reached is without a name';
    $browser->go('/login')->find('input', 'Name');
    $browser->script('document.querySelector("main input").focus()');
    $browser->keys("ann${TAB}" . Gallery::PASSWORD . $ENTER)->find('a', 'ann');
    $browser->go('/')->script('document.querySelector("input[type=search]").focus()');
    $browser->keys("swifts$ENTER")->sees('Videos with “swifts”');
    $browser->stop;
};

done_testing;
