# What runs the tests: they leave nothing behind, and what helps to find out why one has failed stays.

use v5.36;

use FindBin;
use File::Temp ();
use Test::More;

use lib "$FindBin::Bin/../deploy/lib";
use Runner::Command;
use Site::Processes;

my $RUN = "$FindBin::Bin/run";

my $above = File::Temp->newdir;

# Runs a test, of these lines, as `make test` would. Returns the exit status, what was printed, and what is then there.
sub run_test ($lines) {
    my $test = File::Temp->new(SUFFIX => '.t');
    print {$test} "use v5.36;\nuse Test::More;\nuse Scratch;\n$lines\ndone_testing;\n";
    close $test or die "cannot write $test: $!\n";
    local $ENV{TMPDIR} = $above;
    my ($status, $output) = Runner::Command::capture([$RUN, "$test"]);
    return ($status >> 8, $output, glob "$above/*/*");
}

# It has something that is there until the end, as a server would be.
my $KEEPS = 'our $object = bless {folder => Scratch::folder("thing")};'
    . ' sub DESTROY ($self) { Scratch::remove($self->{folder}) }';

subtest 'a good test' => sub {
    my ($status, $output, @left) = run_test("$KEEPS; pass;");
    is $status, 0, 'passes' or diag $output;
    is_deeply [@left, glob "$above/*"], [], 'and leaves nothing behind';
};

subtest 'one that leaves something behind' => sub {
    my ($status, $output, @left) = run_test('Scratch::folder("thing"); pass;');
    isnt $status, 0, 'fails';
    is @left, 1, 'where it is';
    like $output, qr/left behind:\n\Q$left[0]\E$/m, 'is told';
    rmdir $_ for @left, glob "$above/*";
};

for my $how ('fail', 'die "of it"') {
    subtest "one that ends by $how" => sub {
        my ($status, $output, @left) = run_test("$KEEPS; pass; $how;");
        isnt $status, 0, 'fails';
        is @left, 1, 'and keeps its folder';
        like $output, qr/^# kept: \Q$left[0]\E$/m, 'which it says';
        rmdir $_ for @left, glob "$above/*";
    };
}

is_deeply [Site::Processes::using('')], [], 'a site that has no folder yet has no processes';

subtest 'a full disk' => sub {
    plan skip_all => 'this user cannot mount a disk'
        if $> != 0 || system("mount -t tmpfs -o size=1m video-server-test $above 2>/dev/null") != 0;
    my ($status, $output, @left) = run_test('pass;');
    isnt $status, 0, 'is an error';
    like $output, qr/^the tests need \d+ MB in \Q$above\E, where only [01] MB are free$/m, 'that is told at once';
    is_deeply [@left, glob "$above/*"], [], 'and nothing is left';
    system "umount $above";
};

done_testing;
