package Bench::Lookup;

# GET /api/videos/:vid compared with the Go server.

use v5.36;

use HTTP::Tiny ();

use Bench::Data;
use Bench::Load;
use Bench::Rounds;
use Bench::Table;

use constant {
    USUAL    => 64,     # connections
    MANY     => 256,    # connections
    WARM_UP  => 2,      # seconds
    COMPARED => 100,    # responses
    GOAL     => 2,      # at USUAL connections
};

sub prepare ($class, $testbed) {
    my $self = bless {ours => $testbed->address, other => $testbed->other_address}, $class;
    $self->{pool} = $testbed->connections;
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
        sprintf('Lookup: GET /api/videos/:vid, random ids out of %d; %d database connections each',
            Bench::Data::VIDEOS, $self->{pool}),
        $rounds->summary($seconds),
        Bench::Table::aligned(
            ['', 'requests/s', 'mean ms', 'p50 ms', 'p99 ms', 'max ms'],
            map { $self->_row($_) } @names,
        ),
        _ratio($rounds, USUAL, goal => 'at least ' . GOAL),
        _ratio($rounds, MANY),
        '',
    );
}

# Latencies are medians over the rounds; the maximum is over all rounds.
sub _row ($self, $name) {
    my $rounds = $self->{rounds};
    return [
        $name,
        Bench::Table::spread('%.0f', $rounds->spread($name, 'requests_rate')),
        (map { sprintf '%.2f', $rounds->spread($name, "${_}_us")->{median} / 1000 } qw(mean p50 p99)),
        sprintf('%.1f', $rounds->spread($name, 'max_us')->{max} / 1000),
    ];
}

sub _ratio ($rounds, $connections, %option) {
    my $ratio = $rounds->ratio(_name('ours', $connections), _name('other', $connections), 'requests_rate');
    return Bench::Table::ratio("requests/s at $connections connections", 'video-server', 'Go', $ratio, %option);
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

# Dies unless both servers send the same responses.
sub _compare ($self) {
    my $client = HTTP::Tiny->new(http_proxy => undef, all_proxy => undef);
    for (1 .. COMPARED) {
        my $path = '/api/videos/' . (1 + int rand Bench::Data::VIDEOS);
        my ($ours, $other) = map { $client->get($self->{$_} . $path) } qw(ours other);
        my $is_same = $ours->{success} && $other->{success} && $ours->{content} eq $other->{content};
        die "the responses to $path differ:\n$ours->{content}\n$other->{content}\n" if !$is_same;
    }
    return;
}

1;
