package Bench::Pages;

# How fast lists are read: the first page against the server in Go, and a page far down against the first one.

use v5.36;

use HTTP::Tiny ();

use Bench::Data;
use Bench::Load;
use Bench::Rounds;
use Bench::Table;

use constant {
    CONNECTIONS => 16,
    WARM_UP     => 2,         # seconds
    SMALL       => 10,        # videos on a page of those that are compared by depth
    DEEP        => 10_000,    # the number of such a page
    STEP        => 100,       # the largest page, to get there
    GOAL        => 3,
    DEPTH_GOAL  => 1.2,
};

my ($OURS, $GO, $FIRST, $LATER) = ('video-server', 'Go', 'page 1', 'page ' . DEEP);

sub prepare ($class, $stand) {
    my ($ours, $go) = map { $_ . '/api/videos' } $stand->address, $stand->other_address;
    my $self = bless {client => HTTP::Tiny->new(http_proxy => undef, all_proxy => undef)}, $class;
    my ($answer, $other) = map { $self->_get($_)->{content} } $ours, $go;
    die "the first pages are not the same:\n$answer\n$other\n" if $answer ne $other;
    $self->{addresses} = {
        $OURS  => $ours,
        $GO    => $go,
        $FIRST => "$ours?limit=" . SMALL,
        $LATER => $self->_page($stand->address, DEEP),
    };
    return $self;
}

sub measure ($self, $options) {
    $self->{seconds} = $options->{seconds};
    my @names = ($OURS, $GO, $FIRST, $LATER);
    $self->_load($_, WARM_UP) for @names;
    $self->{rounds} = Bench::Rounds->measure($options->{rounds}, map { my $name = $_; ($name => sub { $self->_load($name, $self->{seconds}) }) } @names);
    return $self;
}

sub report ($self) {
    my $rounds = $self->{rounds};
    my $row = sub ($name, $label) {
        return [
            $label,
            Bench::Table::spread('%.0f', $rounds->spread($name, 'requests_rate')),
            map { sprintf '%.2f', $rounds->spread($name, "${_}_us")->{median} / 1000 } qw(mean p50 p99),
        ];
    };
    return (
        sprintf('Pages: GET /api/videos of %d videos, on %d connections.', Bench::Data::VIDEOS, CONNECTIONS),
        $rounds->summary($self->{seconds}),
        Bench::Table::aligned(
            ['', 'requests/s', 'mean ms', 'p50 ms', 'p99 ms'],
            $row->($OURS, "$OURS, the first 50"), $row->($GO, "$GO, the first 50"),
            $row->($FIRST, "$OURS, $FIRST of " . SMALL), $row->($LATER, "$OURS, $LATER of " . SMALL),
        ),
        "Requests, $OURS / $GO: " . Bench::Table::spread('%.2f', $rounds->ratio($OURS, $GO, 'requests_rate')),
        'The goal is ' . GOAL . '.',
        "Mean time, $LATER / $FIRST: " . Bench::Table::spread('%.2f', $rounds->ratio($LATER, $FIRST, 'mean_us')),
        'The goal is at most ' . DEPTH_GOAL . '.',
        '',
    );
}

sub _load ($self, $name, $seconds) {
    return Bench::Load->run(address => $self->{addresses}{$name}, connections => CONNECTIONS, seconds => $seconds);
}

sub _get ($self, $address) {
    my $answer = $self->{client}->get($address);
    die "$address is not answered: $answer->{status} $answer->{content}\n" if !$answer->{success};
    return $answer;
}

# The address of a page of SMALL, found by going through those before it.
sub _page ($self, $site, $number) {
    my $path = '/api/videos';
    for (my $left = SMALL * ($number - 1); $left > 0;) {
        my $limit = $left < STEP ? SMALL : STEP;
        $path =~ s/[?&]limit=\d+//;
        my $joint = $path =~ /\?/ ? '&' : $path =~ s/&/?/ ? '&' : '?';
        my $answer = $self->_get("$site$path${joint}limit=$limit");
        ($path) = ($answer->{headers}{link} // '') =~ /^<([^<>]+)>; rel="next"$/ or die "the list ends too early\n";
        $left -= $limit;
    }
    return $site . $path =~ s/limit=\d+/'limit=' . SMALL/er;
}

1;
