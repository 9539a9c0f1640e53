# Every page can be used by everybody, and so can those that tell of a trouble: axe-core finds no barrier, in light and
# dark, wide and narrow, and all of it fits.

use v5.36;
use utf8;

use FindBin;

use lib "$FindBin::Bin/../lib";
use Site;
use Browser;
use Gallery;
use Troubles;

binmode Test::More->builder->$_, ':encoding(UTF-8)' for qw(output failure_output);

my $troubles = Troubles->prepare("$FindBin::Bin/../media/testcard.webm");
my ($site, $gallery) = @$troubles{qw(site gallery)};

open my $file, '<', "$FindBin::Bin/axe/axe.min.js" or die "cannot read axe: $!\n";
my $axe = do { local $/; <$file> };

# What axe, which is in the page already, has against it.
sub barriers ($browser) {
    my $found = $browser->promise('return (await axe.run(document)).violations.map((v) => v.id + ": " + v.nodes.map((n) => n.html + " " + n.failureSummary).join("; "))');
    return ref $found ? @$found : "axe failed: $found";
}

# Looks at what is there in all ways.
sub looks_good ($browser, $name) {
    subtest $name => sub {
        $browser->script("$axe; window.axe = axe");
        for my $way (Gallery::WAYS) {
            $browser->show($way);
            is_deeply [barriers($browser)], [], "$way->{theme}, at a $way->{where}: no barrier";
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
    Gallery::log_in($browser);
    $check->(@$_) for $gallery->private_pages;
    $browser->stop;
};

subtest 'every trouble' => sub { $troubles->visit(sub ($at) { Browser->start($at) }, \&looks_good) };

subtest 'what axe finds is seen' => sub {
    my $browser = Browser->start($site);
    $browser->go('/')->sees('Bread')->script("$axe; window.axe = axe");
    $browser->script('document.querySelector("input").removeAttribute("aria-label"); document.querySelector("input").placeholder = ""');
    like join(' ', barriers($browser)), qr/^label: /, 'a field without a name';
    $browser->stop;
};

done_testing;
