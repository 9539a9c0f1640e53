package Prometheus;

# A strict parser of Prometheus' text format
# (https://prometheus.io/docs/instrumenting/exposition_formats/).
#
#   my $metrics = Prometheus->parse($site->get('/metrics')->body);
#   $metrics->wrong;                                          # the errors in it
#   $metrics->value('video_server_requests_total', status => 200, route => '/api/videos', service => 'api');

use v5.36;

my $NAME   = qr/[a-zA-Z_:][a-zA-Z0-9_:]*/;
my $NUMBER = qr/[-+]?(?:\d+(?:\.\d*)?(?:e[-+]?\d+)?|Inf|NaN)/;
my $LABEL  = qr/([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\[\\"n])*)"/;

sub parse ($class, $text) {
    my $self = bless {families => {}, order => [], values => {}, wrong => []}, $class;
    push @{$self->{wrong}}, 'the last line has no line feed' if $text !~ /\n\z/;
    $self->_line($_) for split /\n/, $text;
    $self->_check_family($_) for @{$self->{order}};
    return $self;
}

sub wrong ($self) { return @{$self->{wrong}} }

sub families ($self) { return map { $_->{name} } @{$self->{order}} }

# The value of the sample with exactly these labels; undef if there is no such sample.
sub value ($self, $name, %labels) { return $self->{values}{_key($name, %labels)} }

sub _key ($name, %labels) { return join ',', $name, map { "$_=$labels{$_}" } sort keys %labels }

sub _line ($self, $line) {
    if ($line =~ /^# (HELP|TYPE) ($NAME) (\S.*)$/) {
        my $family = $self->{families}{$2} //= $self->_begin($2);
        push @{$self->{wrong}}, "duplicate: $line" if defined $family->{$1};
        push @{$self->{wrong}}, "after samples: $line" if @{$family->{samples}};
        push @{$self->{wrong}}, "after other metrics: $line" if $family != $self->{order}[-1];
        $family->{$1} = $3;
    } elsif ($line =~ /^($NAME)(?:\{((?:$LABEL)(?:,$LABEL)*)\})? ($NUMBER)$/) {
        my ($name, $labels, $value) = ($1, $2 // '', $+);
        my @labels = $labels =~ /$LABEL/g;
        my %labels = @labels;
        push @{$self->{wrong}}, "duplicate label: $line" if 2 * keys %labels != @labels;
        $self->_sample($name, \%labels, $value, $line);
    } else {
        push @{$self->{wrong}}, "malformed line: $line";
    }
    return;
}

sub _begin ($self, $name) {
    push @{$self->{order}}, my $family = {name => $name, samples => []};
    return $family;
}

sub _sample ($self, $name, $labels, $value, $line) {
    my $key = _key($name, %$labels);
    push @{$self->{wrong}}, "duplicate: $line" if exists $self->{values}{$key};
    $self->{values}{$key} = $value;
    my $family = $self->{order}[-1];
    my $suffix = $family && ($family->{TYPE} // '') eq 'histogram' ? qr/_(?:bucket|sum|count)/ : qr//;
    if (!$family || $name !~ /^\Q$family->{name}\E$suffix$/) {
        push @{$self->{wrong}}, "outside its family: $line";
        return;
    }
    push @{$family->{samples}}, [$name, $labels, $value];
    return;
}

sub _check_family ($self, $family) {
    my ($name, $type) = ($family->{name}, $family->{TYPE} // '');
    my @wrong;
    push @wrong, 'has no HELP' if !defined $family->{HELP};
    push @wrong, "is of type '$type'" if $type !~ /^(?:counter|gauge|histogram)$/;
    push @wrong, 'is a counter by its type or by its name, but not by both' if ($type eq 'counter') != ($name =~ /_total$/);
    push @wrong, 'has a negative value' if $type ne 'gauge' && grep { $_->[2] =~ /^-/ } @{$family->{samples}};
    push @wrong, _wrong_in_histogram($family) if $type eq 'histogram';
    push @{$self->{wrong}}, map { "$name $_" } @wrong;
    return;
}

# Each histogram must have a sum, a count, and buckets with rising bounds and counts that end with +Inf.
sub _wrong_in_histogram ($family) {
    my (%parts, @wrong);
    for my $sample (@{$family->{samples}}) {
        my ($name, $labels, $value) = @$sample;
        my ($part) = $name =~ /_(bucket|sum|count)$/;
        my %others = %$labels;
        my $bound = delete $others{le};
        push @{$parts{_key('', %others)}{$part}}, [$bound, $value];
    }
    for my $key (sort keys %parts) {
        my ($buckets, $sums, $counts) = @{$parts{$key}}{qw(bucket sum count)};
        push @wrong, "$key has no sum or no count" if @{$sums // []} != 1 || @{$counts // []} != 1;
        push @wrong, "$key has no +Inf bucket" if !$buckets || $buckets->[-1][0] ne '+Inf';
        push @wrong, "$key has a count that differs from its +Inf bucket" if $buckets->[-1][1] != $counts->[0][1];
        for my $i (1 .. $#$buckets) {
            my ($before, $bucket) = @$buckets[$i - 1, $i];
            push @wrong, "$key has buckets that don't increase"
                if $bucket->[1] < $before->[1] || $bucket->[0] ne '+Inf' && $bucket->[0] <= $before->[0];
        }
    }
    return @wrong;
}

1;
