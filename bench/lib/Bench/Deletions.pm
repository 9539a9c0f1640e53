package Bench::Deletions;

# Deletion of files by the scheduler compared with graphile-worker, on the same
# PostgreSQL. Both unlink the files; the scheduler also makes that durable before it
# removes the database rows. A plain unlink loop shows the file system's share of the
# time. Most of that is freeing the files' blocks, so empty files are measured, too.

use v5.36;

use Time::HiRes qw(sleep time);

use Bench::Graphile;
use Bench::Rounds;
use Bench::Table;
use Deletions;
use Runner::Command;

use constant {
    BULK_PER_SECOND    => 2_500,    # files deleted in bulk, per second of a measurement
    SINGLES_PER_SECOND => 25,       # files deleted one by one, per second of a measurement
    BACKLOGS           => [1_000, 10_000, 100_000, 1_000_000],
    BACKLOG_SMALL      => 10_000,
    BACKLOG_SECONDS    => 8,        # shorter measurements use backlogs up to BACKLOG_SMALL
    GOAL               => 10,
    GOAL_P50_MS        => 5,
    GOAL_P95_MS        => 20,
    TIMEOUT            => 600,      # seconds
};

use constant FILES => ('one-block files', 'empty files');

sub prepare ($class, $testbed) {
    my $site = $testbed->site;
    my $folder = $site->folder . '/graphile';
    mkdir $folder or die "cannot make $folder: $!\n";
    my $run = readlink $site->state_path('run');
    my $self = bless {site => $site, files => Deletions->new($site)}, $class;
    $self->{graphile} = Bench::Graphile->start(folder => $folder, database => "$run/postgresql");
    $self->{name} = {ours => 'video-server', other => $self->{graphile}->name, alone => 'plain unlink'};
    return $self;
}

sub measure ($self, $options) {
    my $seconds = $self->{seconds} = $options->{seconds};
    my @bulks = map {
        my ($who, $files) = @$_;
        $self->_bulk_name($who, $files) => sub { $self->_bulk($who, $files, BULK_PER_SECOND * $seconds) };
    } map { my $files = $_; map { [$_, $files] } qw(ours alone other) } FILES;
    my @singles = map {
        my $who = $_;
        "$self->{name}{$who}, single" => sub { $self->_single($who, SINGLES_PER_SECOND * $seconds) };
    } qw(ours other);
    $self->{rounds} = Bench::Rounds->measure($options->{rounds}, @bulks, @singles);
    $self->{graphile}->stop;
    $self->{backlogs} = [map { $self->_drain($_) } grep { $seconds >= BACKLOG_SECONDS || $_ <= BACKLOG_SMALL } @{+BACKLOGS}];
    return $self;
}

sub report ($self) {
    my $rounds = $self->{rounds};
    my @names = @{$self->{name}}{qw(ours other)};
    return (
        sprintf('Deletions: %d files in bulk, then %d one by one', map { $_ * $self->{seconds} } BULK_PER_SECOND, SINGLES_PER_SECOND),
        "$rounds->{rounds} rounds, alternating; medians (min-max)",
        Bench::Table::aligned(
            ['deletions/s', $self->{name}{alone}, @names, 'ratio'],
            map { $self->_bulk_row($_) } FILES,
        ),
        "ratio: $names[0] / $names[1]; goal: at least " . GOAL,
        Bench::Table::aligned(
            ['one by one', 'p50 ms', 'p95 ms'],
            map { $self->_single_row($_) } @names,
        ),
        sprintf('time from COMMIT until the file is deleted; goals: p50 at most %d ms, p95 at most %d ms',
            GOAL_P50_MS, GOAL_P95_MS),
        'Deletions with a backlog (the files do not exist):',
        Bench::Table::aligned(['backlog', 'us per deletion'], map { [$_->{count}, sprintf '%.1f', $_->{us}] } @{$self->{backlogs}}),
        '',
    );
}

sub _bulk_name ($self, $who, $files) { return "$self->{name}{$who}, $files" }

sub _bulk_row ($self, $files) {
    my $rounds = $self->{rounds};
    my %name = map { $_ => $self->_bulk_name($_, $files) } qw(ours alone other);
    return [
        $files,
        (map { Bench::Table::spread('%.0f', $rounds->spread($name{$_}, 'rate')) } qw(alone ours other)),
        Bench::Table::spread('%.1f', $rounds->ratio(@name{qw(ours other)}, 'rate')),
    ];
}

sub _single_row ($self, $name) {
    my $rounds = $self->{rounds};
    return [
        $name,
        map { Bench::Table::spread('%.2f', $rounds->spread("$name, single", $_)) } qw(p50_ms p95_ms),
    ];
}

# The SQL statement that requests the deletion of the files with these keys.
sub _statement ($self, $who, @keys) {
    my $values = join ',', map { "('$_')" } @keys;
    return "INSERT INTO video_deletions (video_id, media_key) SELECT 1, key::uuid FROM (VALUES $values) k (key);"
        if $who eq 'ours';
    my $media = $self->{site}{media};
    return "SELECT count(graphile_worker.add_job('unlink', json_build_object('path',"
        . " '$media/' || left(key, 2) || '/' || key))) FROM (VALUES $values) k (key);";
}

# Creates files and flushes them to disk, so that no measurement includes their
# write-back.
sub _make_files ($self, $count, $files) {
    my @keys = $files eq 'empty files' ? $self->{files}->make_empty_files($count) : $self->{files}->make_files($count);
    Runner::Command::output(['sync', '-f', $self->{site}{media}]);
    return @keys;
}

# {rate}: files per second, from the commit until the last file is deleted.
sub _bulk ($self, $who, $files, $count) {
    my @keys = $self->_make_files($count, $files);
    my @left = map { $self->{files}->path($_) } @keys;
    return _unlink_all(@left) if $who eq 'alone';
    my $psql = _Psql->new($self->{site}->database_url);
    my $start = $psql->execute($self->_statement($who, @keys));
    while (@left) {
        pop @left while @left && !-e $left[-1];
        die "$self->{name}{$who} did not delete all files in time\n" if time - $start > TIMEOUT;
        sleep 0.002;
    }
    my $seconds = time - $start;
    return {rate => $count / $seconds};
}

# {rate}: the same for a plain unlink loop, without a database.
sub _unlink_all (@paths) {
    my $start = time;
    unlink == 1 or die "cannot unlink $_: $!\n" for @paths;
    return {rate => @paths / (time - $start)};
}

# {p50_ms, p95_ms}: from the commit of one deletion until its file is deleted.
sub _single ($self, $who, $count) {
    my @keys = $self->_make_files($count, (FILES)[0]);
    my $psql = _Psql->new($self->{site}->database_url);
    my @ms;
    for my $key (@keys) {
        my $path = $self->{files}->path($key);
        my $start = $psql->execute($self->_statement($who, $key));
        while (-e $path) {
            die "$self->{name}{$who} did not delete $path in time\n" if time - $start > TIMEOUT;
        }
        push @ms, 1000 * (time - $start);
        sleep 0.01;    # until the worker is idle again
    }
    @ms = sort { $a <=> $b } @ms;
    return {p50_ms => $ms[@ms / 2], p95_ms => $ms[@ms * 0.95]};
}

# {count, us}: the time per deletion for a backlog of $count, whose files do not exist.
sub _drain ($self, $count) {
    print STDERR "backlog of $count deletions\n";
    my $psql = _Psql->new($self->{site}->database_url);
    my $start = $psql->execute('INSERT INTO video_deletions (video_id, media_key)'
            . " SELECT 1, gen_random_uuid() FROM generate_series(1, $count);");
    while ($psql->query('SELECT EXISTS (SELECT FROM video_deletions);') ne 'f') {
        die "the scheduler did not finish the backlog in time\n" if time - $start > TIMEOUT;
        sleep 0.005;
    }
    return {count => $count, us => 1e6 * (time - $start) / $count};
}

# A database session, through psql.
package _Psql;

use IPC::Open2  qw(open2);
use Time::HiRes qw(time);

sub new ($class, $url) {
    my $self = bless {}, $class;
    $self->{pid} = open2($self->{output}, $self->{input}, qw(psql -X -q -A -t -v ON_ERROR_STOP=1), $url);
    $self->{input}->autoflush;
    $self->query('SELECT 1;');
    return $self;
}

# Executes a query that returns one line. Returns the line.
sub query ($self, $statement) {
    print {$self->{input}} "$statement\n";
    my $line = readline($self->{output}) // die "the database rejected: " . substr($statement, 0, 100) . "\n";
    chomp $line;
    return $line;
}

# Executes the statement in its own transaction. Returns the time when its commit was
# confirmed.
sub execute ($self, $statement) {
    print {$self->{input}} "$statement\n\\echo done\n";
    while (defined(my $line = readline $self->{output})) {
        return time if $line eq "done\n";
    }
    die "the database rejected: " . substr($statement, 0, 100) . "\n";
}

sub DESTROY ($self) {
    local ($?, $!, $@);
    close $self->{input};
    close $self->{output};
    waitpid $self->{pid}, 0;
    return;
}

1;
