package NodeModules;

# npm packages for tests, in the versions that a folder's package-lock.json pins.
#
#   my $modules = NodeModules::install("$FindBin::Bin/clients");
#   ... "$modules/tus-js-client" ...

use v5.36;

use Fcntl          qw(LOCK_EX);
use File::Basename qw(basename dirname);
use File::Compare  qw(compare);
use File::Copy     qw(copy);
use File::Path     qw(make_path);
use File::Spec     ();

use lib dirname(__FILE__) . '/../../deploy/lib';
use Runner::Command;

my $CHECKOUT = File::Spec->rel2abs(dirname(__FILE__) . '/../..');

# Installs the packages of the folder, which holds package.json and package-lock.json, and returns
# the path of their node_modules. The packages are cached in the build folder and only installed
# again when the lock file has changed. Dies with npm's output when they can't be installed.
sub install ($folder) {
    my $cache = File::Spec->rel2abs($ENV{VS_BUILD} // 'build', $CHECKOUT) . '/npm/' . basename($folder);
    my ($lock_file, $installed) = ("$folder/package-lock.json", "$cache/installed.json");
    make_path($cache);
    open my $lock, '>', "$cache/lock" or die "cannot write $cache/lock: $!\n";
    flock $lock, LOCK_EX or die "cannot lock $cache/lock: $!\n";
    return "$cache/node_modules" if compare($lock_file, $installed) == 0;
    unlink $installed;
    _copy("$folder/$_", "$cache/$_") for 'package.json', 'package-lock.json';
    my ($status, $output) = Runner::Command::capture(['npm', 'ci', '--prefix', $cache, qw(--no-audit --no-fund --ignore-scripts)]);
    die "cannot install the npm packages of $folder; `npm ci` needs npm and access to its registry:\n$output\n" if $status != 0;
    _copy($lock_file, $installed);
    return "$cache/node_modules";
}

sub _copy ($from, $to) {
    copy($from, $to) or die "cannot copy $from to $to: $!\n";
    return;
}

1;
