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

# What axe, which is in the page already, has against it.
sub barriers ($browser) {
    my $found = $browser->promise('return (await axe.run(document)).violations.map((v) => v.id + ": " + v.nodes.map((n) => n.html + " " + n.failureSummary).join("; "))');
    return ref $found ? @$found : "axe failed: $found";
}

my $NO = JSON::PP::false;
my @WAYS = map { my $theme = $_; map { [$theme, @$_] } ['on a desk', 1280, 900], ['on a phone', 390, 844] } qw(light dark);

# Shows the page that is there in another way, which the browser is told of as by the system.
sub show ($browser, $theme, $width, $height) {
    $browser->devtools('Emulation.setEmulatedMedia', features => [{name => 'prefers-color-scheme', value => $theme}]);
    $browser->devtools('Emulation.setDeviceMetricsOverride', width => $width, height => $height, deviceScaleFactor => 1,
        mobile => $width < 500 ? JSON::PP::true : $NO);
    $browser->soon('return innerWidth === arguments[0] && document.documentElement.dataset.theme === arguments[1]',
        "$width wide, $theme", $width, $theme);
    return;
}

# Looks at what is there in all ways.
sub looks_good ($browser, $name) {
    subtest $name => sub {
        $browser->script("$axe; window.axe = axe");
        for my $way (@WAYS) {
            my ($theme, $where, @size) = @$way;
            show($browser, $theme, @size);
            is_deeply [barriers($browser)], [], "$theme, $where: no barrier";
            cmp_ok $browser->script('return document.documentElement.scrollWidth - innerWidth'), '<=', 0, 'and it fits';
        }
    };
    return;
}

subtest 'every page' => sub {
    my $browser = Browser->start($site);
    $browser->expect_console(qr/status of 404/);
    my $check = sub ($name, $path, $text) { looks_good($browser->go($path)->sees($text), $name) };
    $check->(@$_) for $gallery->public_pages;
    $gallery->log_in($browser);
    $check->(@$_) for $gallery->private_pages;
    $browser->go($gallery->{video})->press('Edit')->find('button', 'Save');
    looks_good($browser, 'the editor');
    $browser->press('Cancel')->press('Delete')->find('dialog');
    looks_good($browser, 'the question');
    $browser->stop;
};

subtest 'what axe finds is seen' => sub {
    my $browser = Browser->start($site);
    $browser->go('/')->sees('Bread')->script("$axe; window.axe = axe");
    $browser->script('document.querySelector("input").removeAttribute("aria-label"); document.querySelector("input").placeholder = ""');
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
