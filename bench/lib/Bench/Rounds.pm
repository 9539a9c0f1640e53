package Bench::Rounds;

# Measurements that take turns: A B A B ... What disturbs the machine for a while then disturbs all of
# them, and their ratios hold where the numbers themselves don't.

use v5.36;

# Makes each measurement once a round. They are pairs of a name and a function that returns a hash; what
# the functions return is kept.
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
    return "$self->{rounds} rounds of $seconds s for each, taking turns; medians, and (lowest-highest).";
}

# {median, min, max} of a value of a measurement.
sub spread ($self, $name, $value) {
    return spread_of(map { $_->{$value} } @{$self->{measured}{$name}});
}

# How many times as much one measurement came to as the other: {median, min, max}, where median is the ratio
# of the medians, and the others are of the rounds, each taken by itself.
sub ratio ($self, $one, $other, $value) {
    my ($ones, $others) = map { $self->{measured}{$_} } $one, $other;
    my $by_round = spread_of(map { $ones->[$_]{$value} / $others->[$_]{$value} } 0 .. $#$ones);
    my ($median, $other_median) = map { $self->spread($_, $value)->{median} } $one, $other;
    return {%$by_round, median => $median / $other_median};
}

# {median, min, max} of values.
sub spread_of (@values) {
    my @sorted = sort { $a <=> $b } @values;
    my $median = ($sorted[$#sorted / 2] + $sorted[@sorted / 2]) / 2;
    return {median => $median, min => $sorted[0], max => $sorted[-1]};
}

1;
