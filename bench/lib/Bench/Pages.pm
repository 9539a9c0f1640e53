package Bench::Pages;

# GET /api/videos: the first page compared with the Go server, and a deep page compared
# with the first one.

use v5.36;

use HTTP::Tiny ();

use Bench::Data;
use Bench::Load;
use Bench::Rounds;
use Bench::Table;

use constant {
    CONNECTIONS => 16,
    WARM_UP     => 2,         # seconds
    SMALL       => 10,        # videos per page in the comparison by depth
    DEEP        => 10_000,    # number of the deep page
    STEP        => 100,       # page size on the way there: the maximum
    GOAL        => 3,
    DEPTH_GOAL  => 1.2,
};

my ($OURS, $GO, $FIRST, $LATER) = ('video-server', 'Go', 'page 1', 'page ' . DEEP);

sub prepare ($class, $testbed) {
    my ($ours, $go) = map { $_ . '/api/videos' } $testbed->address, $testbed->other_address;
    my $self = bless {client => HTTP::Tiny->new(http_proxy => undef, all_proxy => undef)}, $class;
    my ($answer, $other) = map { $self->_get($_)->{content} } $ours, $go;
    die "the first pages differ:\n$answer\n$other\n" if $answer ne $other;
    $self->{addresses} = {
        $OURS  => $ours,
        $GO    => $go,
        $FIRST => "$ours?limit=" . SMALL,
        $LATER => $self->_page($testbed->address, DEEP),
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
        sprintf('Pages: GET /api/videos, %d videos, %d connections', Bench::Data::VIDEOS, CONNECTIONS),
        $rounds->summary($self->{seconds}),
        Bench::Table::aligned(
            ['', 'requests/s', 'mean ms', 'p50 ms', 'p99 ms'],
            $row->($OURS, "$OURS, first 50"), $row->($GO, "$GO, first 50"),
            $row->($FIRST, "$OURS, $FIRST, " . SMALL . ' per page'), $row->($LATER, "$OURS, $LATER, " . SMALL . ' per page'),
        ),
        Bench::Table::ratio('requests/s', $OURS, $GO, $rounds->ratio($OURS, $GO, 'requests_rate'), goal => 'at least ' . GOAL),
        Bench::Table::ratio('mean time', $LATER, $FIRST, $rounds->ratio($LATER, $FIRST, 'mean_us'), goal => 'at most ' . DEPTH_GOAL),
        '',
    );
}

sub _load ($self, $name, $seconds) {
    return Bench::Load->run(address => $self->{addresses}{$name}, connections => CONNECTIONS, seconds => $seconds);
}

sub _get ($self, $address) {
    my $answer = $self->{client}->get($address);
    die "the request to $address failed: $answer->{status} $answer->{content}\n" if !$answer->{success};
    return $answer;
}

# The URL of a page of SMALL videos, found by following the links of the pages before it.
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
