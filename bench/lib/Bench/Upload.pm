package Bench::Upload;

# Time of an upload compared with nginx's WebDAV PUT to the same disk. Also the memory
# used by a large upload, and how many slow uploads slow down GET /api/videos/:vid.

use v5.36;

use IO::Handle  ();
use List::Util  qw(max);
use POSIX       ();
use Time::HiRes qw(sleep time);

use Bench::SlowUploads;
use Bench::Data;
use Bench::Load;
use Bench::Memory;
use Bench::Rounds;
use Bench::Table;
use Runner::Command;

use constant {
    BYTES        => 240_000_000,
    SMALL_BYTES  => 1_000_000,
    SMALL_COUNT  => 50,             # enough for each thread to get one
    SLOW_UPLOADS => 500,
    SPARE_TOKENS => 64,
    CONNECTIONS  => 4,              # of GET /api/videos/:vid
    WARM_UP      => 1,              # seconds
    GOAL_RAW     => 1.05,
    GOAL_FORM    => 1.3,
    GOAL_MEMORY  => 1_000_000,
    SAMPLE_S     => 0.002,
    TIMEOUT      => 60,             # seconds
    NETWORK      => 125_000_000,    # bytes per second: 1 Gbit/s
};

my %NAME = (
    raw     => 'video-server raw',
    form    => 'video-server form',
    dav     => 'WebDAV PUT',
    durable => 'WebDAV PUT + fsync',
);
my ($ALONE, $DURING) = ('without uploads', 'during ' . SLOW_UPLOADS . ' slow uploads');

sub prepare ($class, $testbed) {
    my $site = $testbed->site;
    my ($id, $video) = Bench::Data::add_video($site, 'uploaded', BYTES);
    my (undef, $small) = Bench::Data::add_video($site, 'uploaded small', SMALL_BYTES);
    my $self = bless {
        testbed => $testbed, site => $site, video => $video, small => $small,
        ours    => $testbed->address . "/stream/videos/$id",
        other   => $testbed->other_address . '/put/video',
        put     => $testbed->folder . '/put/video',
        session => Bench::Data::author($site)->session,
    }, $class;
    $self->_put($video);
    my ($media, $put) = map { (stat)[0] } $site->{media}, $self->{put};
    die "the media folder and the WebDAV folder are not on the same disk\n" if $media != $put;
    return $self;
}

sub measure ($self, $options) {
    $self->{seconds} = $options->{seconds};
    my %way = (
        raw     => sub { $self->_raw($self->{video}) },
        form    => sub { $self->_form($self->{video}) },
        dav     => sub { $self->_put($self->{video}) },
        durable => sub { $self->_put($self->{video}) + $self->_sync },
    );
    for my $rate (undef, NETWORK) {
        push @{$self->{rounds}}, Bench::Rounds->measure($options->{rounds}, map {
            my $way = $way{$_};
            ($NAME{$_} => sub { local $self->{rate} = $rate; $self->_repeat($way) })
        } qw(raw dav form durable));
    }
    $self->{growth} = {map { $_ => $self->_growth("_$_") } qw(raw form)};
    $self->{testbed}->set_tokens(upload => SLOW_UPLOADS + SPARE_TOKENS);
    $self->_look_up(WARM_UP);
    $self->{lookups} = Bench::Rounds->measure($options->{rounds},
        $ALONE   => sub { $self->_look_up($self->{seconds}) },
        $DURING => sub { $self->_look_up_during_uploads },
    );
    return $self;
}

sub report ($self) {
    my ($unlimited, $network) = @{$self->{rounds}};
    my $lookups = $self->{lookups};
    return (
        sprintf('Upload: a video file of %d MB, one at a time', BYTES / 1e6),
        $unlimited->summary($self->{seconds}),
        'Without a rate limit, from this machine:',
        _times($unlimited),
        sprintf('At the rate of a %.0f Gbit/s network:', NETWORK * 8 / 1e9),
        _times($network),
        sprintf('goals: at most %s raw, %s as a form; video-server responds after fsync, nginx does not sync', GOAL_RAW, GOAL_FORM),
        sprintf('Peak resident memory of the pools, increase over an upload of %d MB: raw %.0f kB, form %.0f kB; goal: at most'
            . ' %.0f kB', SMALL_BYTES / 1e6, map { $_ / 1000 } @{$self->{growth}}{qw(raw form)}, GOAL_MEMORY),
        sprintf('GET /api/videos/:vid, %d connections:', CONNECTIONS),
        Bench::Table::aligned(
            ['', 'requests/s', 'p50 ms', 'p99 ms'],
            map { my $name = $_; [
                $name, Bench::Table::spread('%.0f', $lookups->spread($name, 'requests_rate')),
                map { sprintf '%.2f', $lookups->spread($name, "${_}_us")->{median} / 1000 } qw(p50 p99),
            ] } $ALONE, $DURING
        ),
        Bench::Table::ratio('p50', $DURING, $ALONE, $lookups->ratio($DURING, $ALONE, 'p50_us'), goal => 1),
        '',
    );
}

sub _times ($rounds) {
    return (
        Bench::Table::aligned(
            ['', 'ms'],
            map { [$NAME{$_}, Bench::Table::spread('%.0f', $rounds->spread($NAME{$_}, 'ms'))] } qw(raw form dav durable),
        ),
        map {
            my @names = @NAME{@$_};
            Bench::Table::ratio('time', @names, $rounds->ratio(@names, 'ms'))
        } [qw(raw dav)], [qw(form dav)], [qw(raw durable)], [qw(form durable)],
    );
}

# {ms}: the median time of repeated uploads during one measurement.
sub _repeat ($self, $way) {
    my $end = time + $self->{seconds};
    my @ms;
    do {
        $self->_settle;
        push @ms, $way->();
    } while time < $end;
    @ms = sort { $a <=> $b } @ms;
    return {ms => $ms[$#ms / 2]};
}

# Waits until earlier uploads are on disk and the files they replaced are deleted.
sub _settle ($self) {
    my $deadline = time + TIMEOUT;
    unlink $self->{put};
    while ($self->{site}->sql('SELECT count(*) FROM video_deletions')) {
        die "the replaced files were not deleted in time\n" if time > $deadline;
        sleep 0.02;
    }
    Runner::Command::output(['sync', '-f', $self->{site}{media}]);
    return;
}

sub _raw  ($self, $file) { return $self->_send(201, $self->_session, '-X', 'POST', '-T', $file, $self->{ours}) }
sub _form ($self, $file) { return $self->_send(201, $self->_session, '-F', "file=\@$file", $self->{ours}) }
sub _put  ($self, $file) { return $self->_send(201, '-T', $file, $self->{other}) }

sub _session ($self) { return ('-H', "X-Session-Id: $self->{session}") }

# The milliseconds until curl has received the response.
sub _send ($self, $status, @arguments) {
    my @rate = $self->{rate} ? ('--limit-rate', $self->{rate}) : ();
    my $output = Runner::Command::output(['curl', '-s', @rate, '-o', '/dev/null', '-w', '%{http_code} %{time_total}', @arguments]);
    my ($answered, $seconds) = $output =~ /^(\d+) ([\d.]+)$/ or die "unexpected output of curl: $output\n";
    die "an upload was answered with status $answered\n" if $answered != $status;
    return 1000 * $seconds;
}

# The milliseconds that fsync of the PUT file takes.
sub _sync ($self) {
    my $begin = time;
    open my $file, '+<', $self->{put} or die "cannot open $self->{put}: $!\n";
    $file->sync or die "cannot sync $self->{put}: $!\n";
    return 1000 * (time - $begin);
}

# The bytes by which the pools' peak memory is higher for the large upload than for the
# small one.
sub _growth ($self, $way) {
    $self->$way($self->{small}) for 1 .. SMALL_COUNT;
    my ($small, $large) = map { $self->_peak_memory($way, $self->{$_}) } qw(small video);
    return max(0, $large - $small);
}

# The peak resident memory of the pools during an upload, in bytes.
sub _peak_memory ($self, $way, $file) {
    my $memory = Bench::Memory->of($self->{site});
    my $pid = fork // die "cannot fork: $!\n";
    if (!$pid) {
        my $sent = eval { $self->$way($file) };
        print STDERR $@ if !$sent;
        POSIX::_exit($sent ? 0 : 1);
    }
    my $peak = 0;
    until (waitpid $pid, POSIX::WNOHANG) {
        $peak = max($peak, $memory->now('fcgi'));
        sleep SAMPLE_S;
    }
    die "an upload failed\n" if $?;
    return max($peak, $memory->now('fcgi'));
}

sub _look_up ($self, $seconds) {
    return Bench::Load->run(
        address     => $self->{testbed}->address,
        videos      => Bench::Data::VIDEOS,
        connections => CONNECTIONS,
        seconds     => $seconds,
    );
}

sub _look_up_during_uploads ($self) {
    my $uploads = Bench::SlowUploads->start($self->{site}, SLOW_UPLOADS, $self->{session}, $self->{ours});
    $self->_look_up(WARM_UP);
    my $measured = $self->_look_up($self->{seconds});
    $uploads->stop;
    return $measured;
}

1;
