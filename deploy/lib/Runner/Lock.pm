package Runner::Lock;

# One site a state folder. The lock's descriptor is inherited by every process that the runner starts,
# so the lock is free when the last of them has gone, however the runner ended. The file says which
# process holds it and where the site answers.

use v5.36;

use Fcntl qw(F_SETFD LOCK_EX LOCK_NB O_CREAT O_RDWR);
use Time::HiRes ();

use constant {
    LEFTOVERS_SECONDS => 30,
    QUIET_SECONDS     => 0.5,
};

# Takes the lock. What a killed runner left behind is ending, and gets the time to do so.
sub take ($class, $path, $address) {
    sysopen my $file, $path, O_RDWR | O_CREAT, 0600 or die "cannot open $path: $!\n";
    my $start = Time::HiRes::time();
    my $said;
    until (flock $file, LOCK_EX | LOCK_NB) {
        my $holder = _holder($path);
        die "the site already runs: process $holder->{pid}, $holder->{address}\n" if $holder;
        my $waited = Time::HiRes::time() - $start;
        die "processes of a site that was killed still use $path\n" if $waited > LEFTOVERS_SECONDS;
        say STDERR 'video-server: waiting for the end of a site that was killed' if $waited > QUIET_SECONDS && !$said++;
        Time::HiRes::sleep(0.05);
    }
    fcntl $file, F_SETFD, 0 or die "cannot let $path be inherited: $!\n";
    my $self = bless {file => $file, address => $address}, $class;
    $self->sign;
    return $self;
}

# Writes down that this process holds the lock.
sub sign ($self) {
    truncate $self->{file}, 0;
    sysseek $self->{file}, 0, 0;
    syswrite $self->{file}, "$$ $self->{address}\n";
    return;
}

# {pid, address} of the runner that holds the lock; nothing when none does.
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

# The process is believed only when it has the lock open: its number may be another's by now.
sub _holder ($path) {
    open my $file, '<', $path or return;
    my ($pid, $address) = (<$file> // '') =~ /^(\d+) (\S+)$/ or return;
    my @open = map { readlink($_) // () } glob "/proc/$pid/fd/*";
    return (grep { $_ eq $path } @open) ? {pid => $pid, address => $address} : undef;
}

1;
