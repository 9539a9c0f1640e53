package Bench::Cpu;

# The time of the processors that processes take while something is measured.

use v5.36;

use POSIX ();

my $TICKS = POSIX::sysconf(POSIX::_SC_CLK_TCK());

# groups is {name => [process ids]}.
sub of ($class, %groups) { return bless {groups => \%groups, before => _read(\%groups)}, $class }

# Of each group, the microseconds since then: {name => us}.
sub taken_us ($self) {
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

# proc(5): utime and stime are the 14th and 15th field, counted from before the name.
sub _ticks ($pid) {
    open my $file, '<', "/proc/$pid/stat" or die "cannot read /proc/$pid/stat: $!\n";
    my @fields = split ' ', (<$file> // '') =~ s/.*\) //sr;
    return $fields[11] + $fields[12];
}

1;
