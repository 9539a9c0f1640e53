# deploy/install-packages: silent when all packages are installed, helpful when it cannot install them.

use v5.36;

use FindBin;
use File::Temp qw(tempdir);
use Test::More;

use lib "$FindBin::Bin/../deploy/lib";
use Runner::Command;

my $SCRIPT = "$FindBin::Bin/../deploy/install-packages";

# Makes a folder of commands that replace those of the system; each is a line of shell.
sub fake_commands (%commands) {
    my $folder = tempdir('video-server-commands-XXXXXX', TMPDIR => 1, CLEANUP => 1);
    chmod 0755, $folder or die "cannot set the mode of $folder: $!\n";
    for my $name (keys %commands) {
        open my $file, '>', "$folder/$name" or die "cannot write $folder/$name: $!\n";
        print {$file} "#!/bin/sh\n$commands{$name}\n";
        close $file or die "cannot write $folder/$name: $!\n";
        chmod 0755, "$folder/$name" or die "cannot set the mode of $folder/$name: $!\n";
    }
    return $folder;
}

# Runs the script with no commands but these and a few harmless ones. Returns the exit status and the output.
sub install_with (%commands) {
    my %harmless = map { $_ => "exec /usr/bin/$_ \"\$@\"" } qw(env sort tr);
    local $ENV{PATH} = fake_commands(%harmless, id => 'echo 1000', %commands);
    open my $script, '<', $SCRIPT or die "cannot read $SCRIPT: $!\n";
    my ($status, $output) = Runner::Command::capture(['/bin/sh', '-s', 'run', 'bench'], join '', <$script>);
    return ($status >> 8, $output);
}

my $NOTHING_INSTALLED = 'echo "dpkg-query: no packages found" >&2; exit 1';
my $ALL_INSTALLED     = 'shift 3; for name; do printf "%s=installed " "$name"; done';
my $ONLY_WRK_MISSING  = $ALL_INSTALLED =~ s/printf/[ "\$name" = wrk ] || printf/r;

subtest 'all packages are installed' => sub {
    my ($status, $output) = install_with('dpkg-query' => $ALL_INSTALLED, 'apt-get' => 'echo called');
    is $status, 0, 'the script succeeds';
    is $output, '', 'the script prints nothing and does not call apt-get';
};

subtest 'packages are missing and cannot be installed' => sub {
    my ($status, $output) = install_with('dpkg-query' => $NOTHING_INSTALLED, 'apt-get' => 'echo called');
    is $status, 1, 'the script exits with 1';
    unlike $output, qr/called/, 'apt-get is not called';
    my ($command) = $output =~ /^(apt-get .*)$/m;
    like $command, qr/^apt-get update && apt-get install -y --no-install-recommends /,
        'the script prints the command to run';
    like $command, qr/ $_( |$)/, "the command installs $_" for qw(gcc libfcgi-dev nginx postgresql wrk);
};

subtest 'a package is missing, and sudo works' => sub {
    my ($status, $output) = install_with(
        'dpkg-query' => $ONLY_WRK_MISSING,
        'sudo'       => 'echo "sudo $*"; exec "$@"',
        'apt-get'    => 'echo "apt-get $*"',
    );
    is $status, 0, 'the script succeeds';
    like $output, qr/^apt-get install -y --no-install-recommends wrk *$/m, 'only the missing package is installed';
    unlike $output, qr/apt-get update/, 'the package list is not updated';
};

subtest 'the package list is out of date' => sub {
    my ($status, $output) = install_with(
        'dpkg-query' => $ONLY_WRK_MISSING,
        'id'         => 'echo 0',
        'apt-get'    => 'echo "apt-get $*"; if [ "$1" = update ]; then : > "$PATH/list"; else [ -e "$PATH/list" ]; fi',
    );
    is $status, 0, 'the script succeeds';
    is_deeply [$output =~ /^apt-get (\w+)/mg], [qw(install update install)],
        'the list is updated, and the installation is retried';
};

subtest 'the installation fails' => sub {
    my ($status, $output) = install_with('dpkg-query' => $ONLY_WRK_MISSING, id => 'echo 0', 'apt-get' => 'exit 100');
    is $status, 1, 'the script exits with 1';
    like $output, qr/^apt-get update && apt-get install .* wrk *$/m, 'the script prints the command to run';
};

subtest 'this machine has the packages that the tests need' => sub {
    my ($status, $output) = Runner::Command::capture([$SCRIPT, 'run', 'test']);
    is $status, 0, 'the script succeeds';
    is $output, '', 'the script prints nothing';
};

done_testing;
