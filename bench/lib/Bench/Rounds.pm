package Bench::Rounds;

# Alternates measurements: A B A B ... Other load on the machine then affects all of them,
# so that ratios are reliable even when the absolute figures are not.

use v5.36;

# Runs each measurement once per round and keeps the results. measurements: pairs of a
# name and a function that returns a hash of values.
sub measure ($class, $rounds, @measurements) {
    my $self = bless {rounds => $rounds, measured => {}}, $class;
    for my $round (1 .. $rounds) {
        for (my $i = 0; $i < @measurements; $i += 2) {
            my ($name, $measurement) = @measurements[$i, $i + 1];
            print STDERR "round $round of $rounds: $name\n";
            push @{$self->{measured}{$name}}, $measurement->();
        }
    }
    return $self;
}

sub summary ($self, $seconds) {
    return "$self->{rounds} rounds of $seconds s each, alternating; medians (min-max)";
}

# {median, min, max} of one value of a measurement.
sub spread ($self, $name, $value) {
    return spread_of(map { $_->{$value} } @{$self->{measured}{$name}});
}

# The ratio of one measurement to another: {median, min, max}. median is the ratio of the
# medians; min and max are of the ratios of the single rounds.
sub ratio ($self, $one, $other, $value) {
    my ($ones, $others) = map { $self->{measured}{$_} } $one, $other;
    my $by_round = spread_of(map { $ones->[$_]{$value} / $others->[$_]{$value} } 0 .. $#$ones);
    my ($median, $other_median) = map { $self->spread($_, $value)->{median} } $one, $other;
    return {%$by_round, median => $median / $other_median};
}

# {median, min, max} of the values.
sub spread_of (@values) {
    my @sorted = sort { $a <=> $b } @values;
    my $median = ($sorted[$#sorted / 2] + $sorted[@sorted / 2]) / 2;
    return {median => $median, min => $sorted[0], max => $sorted[-1]};
}

1;
