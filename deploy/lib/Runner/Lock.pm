package Runner::Lock;

# The lock that allows one running site per state folder. Every process that the runner
# starts inherits the lock's descriptor, so the lock is released when the last of them has
# exited, even if the runner was killed. The file records the runner's process id and the
# site's address.

use v5.36;

use Fcntl qw(F_SETFD LOCK_EX LOCK_NB O_CREAT O_RDWR);
use Time::HiRes ();

use constant {
    TIMEOUT_SECONDS => 30,     # for the processes of a killed runner to exit
    NOTICE_SECONDS  => 0.5,    # before the wait is reported
};

# Acquires the lock. Dies when a running site holds it. Waits for the processes of a
# killed runner, which are about to exit.
sub acquire ($class, $path, $address) {
    sysopen my $file, $path, O_RDWR | O_CREAT, 0600 or die "cannot open $path: $!\n";
    my $start = Time::HiRes::time();
    my $reported;
    until (flock $file, LOCK_EX | LOCK_NB) {
        my $holder = _holder($path);
        die "the site is already running: process $holder->{pid}, $holder->{address}\n" if $holder;
        my $waited = Time::HiRes::time() - $start;
        die "processes of a killed site still hold $path; end them and try again\n" if $waited > TIMEOUT_SECONDS;
        say STDERR 'video-server: waiting for the processes of a killed site to exit'
            if $waited > NOTICE_SECONDS && !$reported++;
        Time::HiRes::sleep(0.05);
    }
    fcntl $file, F_SETFD, 0 or die "cannot make the lock $path inheritable: $!\n";
    my $self = bless {file => $file, address => $address}, $class;
    $self->record_holder;
    return $self;
}

# Records this process as the holder of the lock.
sub record_holder ($self) {
    truncate $self->{file}, 0;
    sysseek $self->{file}, 0, 0;
    syswrite $self->{file}, "$$ $self->{address}\n";
    return;
}

# {pid, address} of the runner that holds the lock; undef when no runner does.
sub holder ($class, $path) {
    return if $class->is_free($path);
    return _holder($path);
}

sub is_free ($class, $path) {
    if (!open my $file, '<', $path) {
        $!{ENOENT} or die "cannot open $path: $!\n";
        return 1;
    }
    else {
        return flock $file, LOCK_EX | LOCK_NB;
    }
}

# The recorded process counts only when it has the lock open: its id may have been reused.
sub _holder ($path) {
    open my $file, '<', $path or return;
    my ($pid, $address) = (<$file> // '') =~ /^(\d+) (\S+)$/ or return;
    my @open = map { readlink($_) // () } glob "/proc/$pid/fd/*";
    return (grep { $_ eq $path } @open) ? {pid => $pid, address => $address} : undef;
}

1;
