# Accessibility: axe-core finds no violation on any page or error state, in light and
# dark, on desktop and phone, and no page scrolls sideways.

use v5.36;
use utf8;

use FindBin;

use lib "$FindBin::Bin/../lib";
use Site;
use Browser;
use Gallery;
use NodeModules;
use Troubles;

binmode Test::More->builder->$_, ':encoding(UTF-8)' for qw(output failure_output);

open my $file, '<', NodeModules::install($FindBin::Bin) . '/axe-core/axe.min.js' or die "cannot read axe: $!\n";
my $axe = do { local $/; <$file> };

my $troubles = Troubles->prepare("$FindBin::Bin/../media/testcard.webm");
my ($site, $gallery) = @$troubles{qw(site gallery)};

# The violations that axe reports. The page must have loaded axe.
sub violations ($browser) {
    my $found = $browser->promise('return (await axe.run(document)).violations.map((v) => v.id + ": " + v.nodes.map((n) => n.html + " " + n.failureSummary).join("; "))');
    return ref $found ? @$found : "axe failed: $found";
}

# Checks the current page in all views.
sub check_views ($browser, $name) {
    subtest $name => sub {
        $browser->script("$axe; window.axe = axe");
        for my $view (Gallery::VIEWS) {
            $browser->emulate($view);
            is_deeply [violations($browser)], [], "$view->{device}, $view->{theme}: axe finds no violation";
            cmp_ok $browser->script('return document.documentElement.scrollWidth - innerWidth'), '<=', 0, "$view->{device}, $view->{theme}: the page does not scroll sideways";
        }
    };
    return;
}

subtest 'every page' => sub {
    my $browser = Browser->start($site);
    $browser->expect_console(qr/status of 404/);
    my $check = sub ($name, $path, $text) { check_views($browser->go($path)->sees($text), $name) };
    $check->(@$_) for $gallery->public_pages;
    Gallery::log_in($browser);
    $check->(@$_) for $gallery->private_pages;
    $browser->stop;
};

subtest 'every error state' => sub { $troubles->visit(sub ($at) { Browser->start($at) }, \&check_views) };

subtest 'a violation is found' => sub {
    my $browser = Browser->start($site);
    $browser->go('/')->sees('Bread')->script("$axe; window.axe = axe");
    $browser->script('document.querySelector("input").removeAttribute("aria-label"); document.querySelector("input").placeholder = ""');
    like join(' ', violations($browser)), qr/^label: /, 'axe reports an input without a label';
    $browser->stop;
};

done_testing;
