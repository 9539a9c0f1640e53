package Bench::Lookup;

# How fast one video's record is looked up: ours against the server in Go.

use v5.36;

use HTTP::Tiny ();

use Bench::Data;
use Bench::Load;
use Bench::Rounds;
use Bench::Table;

use constant {
    USUAL    => 64,     # connections
    MANY     => 256,
    WARM_UP  => 2,      # seconds
    COMPARED => 100,    # answers
    GOAL     => 2,
};

sub prepare ($class, $stand) {
    my $self = bless {ours => $stand->address, other => $stand->other_address}, $class;
    $self->{pool} = $stand->connections;
    $self->_compare;
    return $self;
}

sub measure ($self, $options) {
    $self->{seconds} = $options->{seconds};
    $self->_load($_, USUAL, WARM_UP) for qw(ours other);
    $self->{rounds} = Bench::Rounds->measure($options->{rounds}, map { $self->_pair($_) } USUAL, MANY);
    return $self;
}

sub report ($self) {
    my ($rounds, $seconds) = @$self{qw(rounds seconds)};
    my @names = map { (_name('ours', $_), _name('other', $_)) } USUAL, MANY;
    return (
        sprintf('Lookup: GET /api/videos/:vid, random ones of %d; %d connections to the database each.',
            Bench::Data::VIDEOS, $self->{pool}),
        $rounds->summary($seconds),
        Bench::Table::aligned(
            ['', 'requests/s', 'mean ms', 'p50 ms', 'p99 ms', 'worst ms'],
            map { $self->_row($_) } @names,
        ),
        (map { _ratio($rounds, $_) } USUAL, MANY),
        'The goal at ' . USUAL . ' connections is ' . GOAL . '.',
        '',
    );
}

# The latencies are medians of the rounds' values, the worst one is the worst of all rounds.
sub _row ($self, $name) {
    my $rounds = $self->{rounds};
    return [
        $name,
        Bench::Table::spread('%.0f', $rounds->spread($name, 'requests_rate')),
        (map { sprintf '%.2f', $rounds->spread($name, "${_}_us")->{median} / 1000 } qw(mean p50 p99)),
        sprintf('%.1f', $rounds->spread($name, 'worst_us')->{max} / 1000),
    ];
}

sub _ratio ($rounds, $connections) {
    my $ratio = $rounds->ratio(_name('ours', $connections), _name('other', $connections), 'requests_rate');
    return "Requests at $connections connections, video-server / Go: " . Bench::Table::spread('%.2f', $ratio);
}

sub _pair ($self, $connections) {
    return map {
        my $who = $_;
        (_name($who, $connections) => sub { $self->_load($who, $connections, $self->{seconds}) });
    } qw(ours other);
}

sub _load ($self, $who, $connections, $seconds) {
    return Bench::Load->run(
        address     => $self->{$who},
        videos      => Bench::Data::VIDEOS,
        connections => $connections,
        seconds     => $seconds,
    );
}

sub _name ($who, $connections) {
    return ($who eq 'ours' ? 'video-server' : 'Go') . ", $connections connections";
}

# The two answer the same, or it would mean nothing to compare them.
sub _compare ($self) {
    my $client = HTTP::Tiny->new(http_proxy => undef, all_proxy => undef);
    for (1 .. COMPARED) {
        my $path = '/api/videos/' . (1 + int rand Bench::Data::VIDEOS);
        my ($ours, $other) = map { $client->get($self->{$_} . $path) } qw(ours other);
        my $is_same = $ours->{success} && $other->{success} && $ours->{content} eq $other->{content};
        die "the answers for $path are not the same:\n$ours->{content}\n$other->{content}\n" if !$is_same;
    }
    return;
}

1;
