package Bench::Memory;

# Resident memory of the site's own processes while they are under load.

use v5.36;

use constant {
    PROGRAMS   => [qw(fcgi-api fcgi-stream scheduler)],
    RESET_PEAK => 5,    # proc(5), clear_refs
};

sub of ($class, $site) { return bless {site => $site, processes => [_processes($site)]}, $class }

# The highest from now on.
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

# Of each process {name, pid, peak, now}, in bytes. Fails when one of them has died meanwhile.
sub read ($self) {
    my $was = join ' ', map { $_->{pid} } @{$self->{processes}};
    my $is  = join ' ', map { $_->{pid} } _processes($self->{site});
    die "not the same processes any more: $was were there, $is are\n" if $was ne $is;
    return map { {%$_, _memory($_->{pid})} } @{$self->{processes}};
}

# Bytes that the processes have together whose programs' names begin like that.
sub now ($self, $begin) {
    my $sum = 0;
    $sum += {_memory($_->{pid})}->{now} for grep { $_->{name} =~ /^\Q$begin\E/ } @{$self->{processes}};
    return $sum;
}

# The first of a program is its supervisor. Its log says which pool a worker is of.
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
