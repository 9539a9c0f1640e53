# What installs the Debian packages: silent when all is there, helpful when it can't.

use v5.36;

use FindBin;
use File::Temp qw(tempdir);
use Test::More;

use lib "$FindBin::Bin/../deploy/lib";
use Runner::Command;

my $SCRIPT = "$FindBin::Bin/../deploy/install-packages";

# A folder of commands that stand in for the system's: each is a line of shell.
sub commands (%commands) {
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

# The script with no other commands than these and a few harmless ones.
sub install_with (%commands) {
    my %harmless = map { $_ => "exec /usr/bin/$_ \"\$@\"" } qw(env sort tr);
    local $ENV{PATH} = commands(%harmless, id => 'echo 1000', %commands);
    open my $script, '<', $SCRIPT or die "cannot read $SCRIPT: $!\n";
    my ($status, $output) = Runner::Command::capture(['/bin/sh', '-s', 'run', 'bench'], join '', <$script>);
    return ($status >> 8, $output);
}

my $NOTHING_INSTALLED = 'echo "dpkg-query: no packages found" >&2; exit 1';
my $ALL_INSTALLED     = 'shift 3; for name; do printf "%s=installed " "$name"; done';
my $ONLY_WRK_MISSING  = $ALL_INSTALLED =~ s/printf/[ "\$name" = wrk ] || printf/r;

subtest 'all is there' => sub {
    my ($status, $output) = install_with('dpkg-query' => $ALL_INSTALLED, 'apt-get' => 'echo called');
    is $status, 0, 'is good';
    is $output, '', 'and nothing is said or done';
};

subtest 'something is missing, and there is no way to install it' => sub {
    my ($status, $output) = install_with('dpkg-query' => $NOTHING_INSTALLED, 'apt-get' => 'echo called');
    is $status, 1, 'is an error';
    unlike $output, qr/called/, 'nothing is tried';
    my ($command) = $output =~ /^(apt-get .*)$/m;
    like $command, qr/^apt-get update && apt-get install -y --no-install-recommends /, 'the command to run is shown';
    like $command, qr/ $_( |$)/, "with $_" for qw(gcc libfcgi-dev nginx postgresql wrk);
};

subtest 'something is missing, and sudo works' => sub {
    my ($status, $output) = install_with(
        'dpkg-query' => $ONLY_WRK_MISSING,
        'sudo'       => 'echo "sudo $*"; exec "$@"',
        'apt-get'    => 'echo "apt-get $*"',
    );
    is $status, 0, 'is good';
    like $output, qr/^apt-get install -y --no-install-recommends wrk *$/m, 'only what is missing is installed';
    unlike $output, qr/apt-get update/, 'without a new list of packages';
};

subtest 'the list of packages is old' => sub {
    my ($status, $output) = install_with(
        'dpkg-query' => $ONLY_WRK_MISSING,
        'id'         => 'echo 0',
        'apt-get'    => 'echo "apt-get $*"; if [ "$1" = update ]; then : > "$PATH/list"; else [ -e "$PATH/list" ]; fi',
    );
    is $status, 0, 'is good';
    is_deeply [$output =~ /^apt-get (\w+)/mg], [qw(install update install)], 'a new one is fetched, and it is tried again';
};

subtest 'the installation fails' => sub {
    my ($status, $output) = install_with('dpkg-query' => $ONLY_WRK_MISSING, id => 'echo 0', 'apt-get' => 'exit 100');
    is $status, 1, 'is an error';
    like $output, qr/^apt-get update && apt-get install .* wrk *$/m, 'the command to run is shown';
};

subtest 'this machine' => sub {
    my ($status, $output) = Runner::Command::capture([$SCRIPT, 'run', 'test']);
    is $status, 0, 'has what the tests need';
    is $output, '', 'and nothing is said';
};

done_testing;
