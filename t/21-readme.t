# The README's tour works when it is pasted into a shell line by line.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/lib";

use File::Temp ();
use Site;

my $checkout = "$FindBin::Bin/..";

# The lines of the first shell block of a page.
sub tour ($page) {
    open my $file, '<', "$checkout/$page" or die "cannot read $page: $!\n";
    local $/;
    my ($block) = <$file> =~ /^```sh\n(.*?)^```$/ms;
    return split /\n/, $block;
}

my $site = Site->start;
my $folder = File::Temp->newdir;
symlink "$checkout/t", "$folder/t" or die "cannot link: $!\n";

my ($first, @lines) = tour('README.md');
is($first, 'site=http://localhost:8080', 'the tour begins with the address of the site');
my $script = join "\n", 'set -eu -o pipefail', "cd '$folder'", 'site=http://localhost:' . $site->port,
    map { ("echo; echo '--- '", $_) } @lines;
open my $shell, '-|', 'bash', '-c', "$script\n" or die "cannot run bash: $!\n";
my @steps = split /^--- $/m, do { local $/; <$shell> };
shift @steps;
ok(close $shell, 'every line of the tour succeeds') or diag join '', @steps;

# What each line prints, in order.
my @expected = (
    qr/"user_id":1,"user_name":"ann"/,
    qr/"success":true/,
    qr/^\s*$/,
    qr/"size":\d+,"content_type":"video\/mp4"/,
    qr{^\s*watch it at http://localhost:\d+/videos/\d+$}m,
);
is(scalar @steps, scalar @expected, 'the test has an expectation for every line of the tour');
like($steps[$_], $expected[$_], "output of: $lines[$_]") for 0 .. $#expected;
is_deeply([tour('README.zh-CN.md')], ['site=http://localhost:8080', @lines], 'the Chinese README has the same tour');

done_testing;
