package Bench::Memory;

# Resident memory of the site's own processes.

use v5.36;

use constant {
    PROGRAMS   => [qw(fcgi-api fcgi-stream scheduler)],
    RESET_PEAK => 5,    # proc(5), clear_refs
};

# The current processes of the site.
sub of ($class, $site) { return bless {site => $site, processes => [_processes($site)]}, $class }

# The same, after resetting the peaks.
sub watch ($class, $site) {
    my $self = $class->of($site);
    for my $process (@{$self->{processes}}) {
        my $path = "/proc/$process->{pid}/clear_refs";
        open my $file, '>', $path or die "cannot write $path: $!\n";
        print {$file} RESET_PEAK;
        close $file or die "cannot write $path: $!\n";
    }
    return $self;
}

# {name, pid, peak, now} of each process, in bytes. Dies when the set of processes has
# changed.
sub read ($self) {
    my $old_pids = join ' ', map { $_->{pid} } @{$self->{processes}};
    my $new_pids = join ' ', map { $_->{pid} } _processes($self->{site});
    die "the processes changed from $old_pids to $new_pids\n" if $old_pids ne $new_pids;
    return map { {%$_, _memory($_->{pid})} } @{$self->{processes}};
}

# The sum of the bytes of the processes whose names start with $prefix.
sub now ($self, $prefix) {
    my $sum = 0;
    $sum += {_memory($_->{pid})}->{now} for grep { $_->{name} =~ /^\Q$prefix\E/ } @{$self->{processes}};
    return $sum;
}

# A program's first process is its supervisor, whose log names the pool of each worker.
sub _processes ($site) {
    my %pool = map { /\bpool=(\w+) worker=(\d+)/ ? ($2, $1) : () } $site->log_lines(qr/event=worker_started/);
    return map {
        my $program = $_;
        map { {name => join(' ', $program, $pool{$_} // ()), pid => $_} } $site->pids($program);
    } @{+PROGRAMS};
}

sub _memory ($pid) {
    open my $file, '<', "/proc/$pid/status" or die "cannot read /proc/$pid/status: $!\n";
    my %kib = map { /^(\w+):\s+(\d+) kB/ ? ($1, $2) : () } <$file>;
    return (peak => $kib{VmHWM} * 1024, now => $kib{VmRSS} * 1024);
}

1;
