# The README's tour works when it is pasted into a shell line by line.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/lib";

use File::Temp ();
use Site;

my $checkout = "$FindBin::Bin/..";

# The lines of the first shell block under "A tour".
sub tour () {
    open my $readme, '<', "$checkout/README.md" or die "cannot read README.md: $!\n";
    local $/;
    my ($block) = <$readme> =~ /^## A tour\n.*?^```sh\n(.*?)^```$/ms;
    return split /\n/, $block;
}

my $site = Site->start;
my $folder = File::Temp->newdir;
symlink "$checkout/t", "$folder/t" or die "cannot link: $!\n";

my ($first, @lines) = tour();
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
    qr/"state":"created"/,
    qr/^\s*$/,
    qr/"size":\d+,"content_type":"video\/mp4"/,
    qr/"state":"ready"/,
    qr/^\s*$/,
    qr/^\s*$/,
    qr/^\s*ftyp\s*$/,
    qr/"content":"Lovely colours\."/,
    qr/"comments":\[\{/,
    qr/^\s*204\s*$/,
    qr/"status":404/,
    qr/^\s*205\s*$/,
    qr/^\s*$/,
);
is(scalar @steps, scalar @expected, 'the test has an expectation for every line of the tour');
like($steps[$_], $expected[$_], "output of: $lines[$_]") for 0 .. $#expected;
$site->soon(sub { !$site->media_files }, 'no media file is left at the end of the tour');

done_testing;
