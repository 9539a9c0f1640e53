package Bench::Table;

# Formats results as text.

use v5.36;

use List::Util qw(max);

use constant {
    MB          => 1_000_000,
    MEMORY_GOAL => 20,
};

# Aligns rows of cells in columns, the first to the left, the others to the right.
sub aligned (@rows) {
    my @width = map { my $column = $_; max map { length $_->[$column] } @rows } 0 .. $#{$rows[0]};
    my $format = "  %-$width[0]s" . join '', map { "  %${_}s" } @width[1 .. $#width];
    return map { sprintf($format, @$_) =~ s/\s+$//r } @rows;
}

# 'MEDIAN (MIN-MAX)'.
sub spread ($format, $spread, $unit = 1) {
    my ($median, $min, $max) = map { sprintf $format, $spread->{$_} / $unit } qw(median min max);
    return "$median ($min-$max)";
}

# One line: the ratio of a value of ours to the same value of the other, and the goal, if
# any.
sub ratio ($what, $ours, $other, $ratio, %option) {
    return "ratio of $what, $ours / $other: " . spread($option{format} // '%.2f', $ratio)
        . (defined $option{goal} ? "; goal: $option{goal}" : '');
}

# processes: {name, pid, peak, now}, in bytes.
sub memory (@processes) {
    return (
        'Memory: resident memory of each process, in MB',
        aligned(
            ['', 'process', 'peak MB', 'at the end MB'],
            map { [$_->{name}, $_->{pid}, map { sprintf '%.1f', $_ / MB } @$_{qw(peak now)}] } @processes,
        ),
        sprintf('highest peak: %.1f MB; goal: at most %d MB', max(map { $_->{peak} } @processes) / MB, MEMORY_GOAL),
    );
}

1;
