package Bench::Table;

# Figures as text.

use v5.36;

use List::Util qw(max);

use constant {
    MB          => 1_000_000,
    MEMORY_GOAL => 20,
};

# Rows of cells in columns: the first to the left, the others to the right.
sub aligned (@rows) {
    my @width = map { my $column = $_; max map { length $_->[$column] } @rows } 0 .. $#{$rows[0]};
    my $format = "  %-$width[0]s" . join '', map { "  %${_}s" } @width[1 .. $#width];
    return map { sprintf($format, @$_) =~ s/\s+$//r } @rows;
}

# The median, and in brackets the lowest and the highest value.
sub spread ($format, $spread, $unit = 1) {
    my ($median, $min, $max) = map { sprintf $format, $spread->{$_} / $unit } qw(median min max);
    return "$median ($min-$max)";
}

# Of each process {name, pid, peak, now}, in bytes.
sub memory (@processes) {
    return (
        'Resident memory of each process, in MB: the highest since the load began, and at its end.',
        aligned(
            ['', 'process', 'highest', 'end'],
            map { [$_->{name}, $_->{pid}, map { sprintf '%.1f', $_ / MB } @$_{qw(peak now)}] } @processes,
        ),
        sprintf('The highest of all is %.1f; the goal is at most %d.', max(map { $_->{peak} } @processes) / MB,
            MEMORY_GOAL),
    );
}

1;
