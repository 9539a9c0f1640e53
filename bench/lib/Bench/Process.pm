package Bench::Process;

# A program that runs beside the site until it is stopped or the object is destroyed.

use v5.36;

use POSIX ();
use Time::HiRes qw(sleep time);

use Runner::Command;

use constant {
    READY_SECONDS => 20,
    STOP_SECONDS  => 10,
};

# Starts the program and waits until it is ready. Dies when it exits or is not ready in
# time.
#
# name     for messages
# command  program and arguments
# account  user to run as; default: the current user
# log      file for its output
# ready    function that returns true when the program is ready
sub start ($class, %process) {
    my $self = bless {%process}, $class;
    open my $log, '>>', $self->{log} or die "cannot write $self->{log}: $!\n";
    open my $null, '<', '/dev/null' or die "cannot open /dev/null: $!\n";
    my @identity = $self->{account} ? $self->{account}->setpriv_options : ();
    my @command = ('setpriv', '--pdeathsig=TERM', @identity, '--', @{$self->{command}});
    $self->{pid} = fork // die "cannot fork: $!\n";
    Runner::Command::become(\@command, $null, $log) if !$self->{pid};
    my $deadline = time + READY_SECONDS;
    until ($self->{ready}->()) {
        die "$self->{name} did not start:\n" . $self->_output if $self->_has_ended || time > $deadline;
        sleep 0.02;
    }
    return $self;
}

sub pid ($self) { return $self->{pid} }

sub stop ($self) {
    my $deadline = time + STOP_SECONDS;
    kill 'TERM', $self->{pid} if $self->{pid};
    until ($self->_has_ended) {
        kill 'KILL', $self->{pid} if time > $deadline;
        sleep 0.02;
    }
    return;
}

sub _has_ended ($self) {
    return 1 if !$self->{pid};
    waitpid($self->{pid}, POSIX::WNOHANG) == $self->{pid} or return 0;
    delete $self->{pid};
    return 1;
}

sub _output ($self) {
    open my $log, '<', $self->{log} or return '';
    local $/;
    return <$log> // '';
}

sub DESTROY ($self) {
    local ($?, $!, $@);
    $self->stop;
    return;
}

1;
