# t/run: a test that passes must leave nothing behind; a test that fails keeps its files for diagnosis.

use v5.36;
use File::Glob qw(:bsd_glob);    # paths may have spaces

use FindBin;
use File::Temp ();
use Test::More;

use lib "$FindBin::Bin/../deploy/lib";
use Runner::Command;
use Site::Processes;

my $RUN = "$FindBin::Bin/run";

my $above = File::Temp->newdir;

# Runs a test of these lines as `make test` would. Returns the exit status, the output and the paths of
# the files that are left.
sub run_test ($lines) {
    my $test = File::Temp->new(SUFFIX => '.t');
    print {$test} "use v5.36;\nuse Test::More;\nuse Scratch;\n$lines\ndone_testing;\n";
    close $test or die "cannot write $test: $!\n";
    local $ENV{TMPDIR} = $above;
    my ($status, $output) = Runner::Command::capture([$RUN, "$test"]);
    return ($status >> 8, $output, glob "$above/*/*");
}

# A line of such a test: it has a folder that is removed at the end, like the folder of a server.
my $USES_FOLDER = 'our $object = bless {folder => Scratch::folder("thing")};'
    . ' sub DESTROY ($self) { Scratch::remove($self->{folder}) }';

subtest 'a test that passes and cleans up' => sub {
    my ($status, $output, @left) = run_test("$USES_FOLDER; pass;");
    is $status, 0, 'the run succeeds' or diag $output;
    is_deeply [@left, glob "$above/*"], [], 'nothing is left behind';
};

subtest 'a test that passes but leaves a folder behind' => sub {
    my ($status, $output, @left) = run_test('Scratch::folder("thing"); pass;');
    isnt $status, 0, 'the run fails';
    is @left, 1, 'the folder is still there';
    like $output, qr/left behind:\n\Q$left[0]\E$/m, 'the output names the folder';
    rmdir $_ for @left, glob "$above/*";
};

for my $how ('fail', 'die "of it"') {
    subtest "a test that ends with $how" => sub {
        my ($status, $output, @left) = run_test("$USES_FOLDER; pass; $how;");
        isnt $status, 0, 'the run fails';
        is @left, 1, 'the folder is kept';
        like $output, qr/^# kept: \Q$left[0]\E$/m, 'the output names the kept folder';
        rmdir $_ for @left, glob "$above/*";
    };
}

is_deeply [Site::Processes::using('')], [], 'a site without a folder has no processes';

subtest 'the tests do not start when the disk is full' => sub {
    plan skip_all => 'this user cannot mount a disk'
        if $> != 0 || system("mount -t tmpfs -o size=1m video-server-test $above 2>/dev/null") != 0;
    my ($status, $output, @left) = run_test('pass;');
    isnt $status, 0, 'the run fails';
    like $output, qr/^the tests need \d+ MB in \Q$above\E, where only [01] MB are free$/m,
        'the message says how much space is needed and how much is free';
    is_deeply [@left, glob "$above/*"], [], 'nothing is left behind';
    system "umount $above";
};

done_testing;
