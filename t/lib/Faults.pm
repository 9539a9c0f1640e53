package Faults;

# Fault injection. The programs of the fault build (t/fault) stop or die at named steps, and their system
# calls fail, as the test tells them through files in a folder.
#
#   my $faults = Faults->new;
#   my $site = Site->start(build => Faults::build(), FAULT_DIR => $faults->folder);
#   $faults->kill_at('after_unlink');
#   $faults->fail(unlink => EIO);

use v5.36;

use FindBin    ();

use lib "$FindBin::Bin/../deploy/lib";
use Runner::Account;
use Scratch;

sub new ($class) {
    my $self = bless {}, $class;
    $self->{folder} = Scratch::folder('faults');
    my $pools = $> == 0 ? Runner::Account->named('www-data') : Runner::Account->current;
    $pools->own_folder($self->{folder}, 0755);
    return $self;
}

# The folder of the programs that are built with fault injection.
sub build () { return ($ENV{VS_BUILD} // 'build') . '/fault' }

sub folder ($self) { return $self->{folder} }

# Kills the process that reaches the step for the Nth time, counted over all processes from now on.
sub kill_at ($self, $step, $time = 1) {
    unlink "$self->{folder}/$step.count";
    return $self->_write($step, "kill $time");
}

# Blocks each process that reaches the step, from the Nth time on, until clear; is_held tells whether one is
# blocked.
sub hold_at ($self, $step, $time = 1) {
    unlink map { "$self->{folder}/$step.$_" } qw(reached count);
    return $self->_write($step, "wait $time");
}

sub is_held ($self, $step) { return -e "$self->{folder}/$step.reached" }

# How many times a step has been reached since the test last set a fault there.
sub times ($self, $step) { return -s "$self->{folder}/$step.count" // 0 }

# Makes unlink, fsync, syncfs or realloc fail with this error if the path (of realloc: the size) contains
# the part, or with "!part" if it does not.
sub fail ($self, $call, $error, $part = '') { return $self->_write($call, 0 + $error . " $part") }

# Removes the fault from a step or a system call. Processes blocked at the step continue.
sub clear ($self, $name) { return unlink "$self->{folder}/$name" }

# Whether the fault is still set. A kill_at is removed once it has killed a process.
sub is_set ($self, $name) { return -e "$self->{folder}/$name" }

sub _write ($self, $name, $text) {
    my $path = "$self->{folder}/$name";
    open my $file, '>', "$path.new" or die "cannot write $path.new: $!\n";
    print {$file} $text;
    close $file or die "cannot write $path.new: $!\n";
    rename "$path.new", $path or die "cannot rename $path.new: $!\n";
    return;
}

sub DESTROY ($self) {
    local ($?, $!);
    Scratch::remove($self->{folder});
    return;
}

1;
