package Faults;

# What goes wrong in programs of the tests' own build: in a scheduler, see t/fault/step.c, and in fcgi-stream, see
# t/fault/upload.c.
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

# The folder of the programs that have faults.
sub build () { return ($ENV{VS_BUILD} // 'build') . '/fault' }

sub folder ($self) { return $self->{folder} }

# Whichever process comes to the step for that time dies.
sub kill_at ($self, $step, $time = 1) {
    unlink "$self->{folder}/$step.count";
    return $self->_write($step, "kill $time");
}

# A process that comes to the step for that time or later stays there until go_on; is_held tells when one does.
sub hold_at ($self, $step, $time = 1) {
    unlink map { "$self->{folder}/$step.$_" } qw(reached count);
    return $self->_write($step, "wait $time");
}

sub is_held ($self, $step) { return -e "$self->{folder}/$step.reached" }

# How many times a step has been reached since the test last spoke of it.
sub times ($self, $step) { return -s "$self->{folder}/$step.count" // 0 }

# unlink, fsync or syncfs fails with the error, of paths with that part in them; with ! before it, of those without.
sub fail ($self, $call, $error, $part = '') { return $self->_write($call, 0 + $error . " $part") }

# Takes back what was said of a step or a system call.
sub go_on ($self, $name) { return unlink "$self->{folder}/$name" }

# Whether a step's process has not died yet.
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
