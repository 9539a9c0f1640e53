package Bench::Cpu;

# The CPU time that groups of processes use during a measurement.

use v5.36;

use POSIX ();

my $TICKS = POSIX::sysconf(POSIX::_SC_CLK_TCK());

# Starts measuring. groups: name => [process ids].
sub of ($class, %groups) { return bless {groups => \%groups, before => _read(\%groups)}, $class }

# The microseconds of CPU time that each group has used since then: {name => us}.
sub used_us ($self) {
    my $now = _read($self->{groups});
    return {map { $_ => ($now->{$_} - $self->{before}{$_}) / $TICKS * 1e6 } keys %$now};
}

sub _read ($groups) {
    my %ticks;
    for my $name (keys %$groups) {
        $ticks{$name} = 0;
        $ticks{$name} += _ticks($_) for @{$groups->{$name}};
    }
    return \%ticks;
}

# utime + stime, fields 14 and 15 of /proc/PID/stat; the name (field 2) may contain
# spaces.
sub _ticks ($pid) {
    open my $file, '<', "/proc/$pid/stat" or die "cannot read /proc/$pid/stat: $!\n";
    my @fields = split ' ', (<$file> // '') =~ s/.*\) //sr;
    return $fields[11] + $fields[12];
}

1;
