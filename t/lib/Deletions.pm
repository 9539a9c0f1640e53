package Deletions;

# Files that have to go, many at a time, and the table that says so.
#
#   my $deletions = Deletions->new($site);
#   my @keys = $deletions->make_files(500);
#   $deletions->queue(@keys);
#   $deletions->all_done('all of them go');

use v5.36;

use FindBin ();

use lib "$FindBin::Bin/../deploy/lib";
use Cluster;
use Faults;
use Program;
use Runner::Account;
use Site;

use constant TIMEOUT => 60;    # seconds

# A site whose programs fail where a test wants it, with a PostgreSQL that the test may stop. Returns the site, these files,
# the faults and the cluster.
sub with_faults ($class) {
    my $faults = Faults->new;
    my $cluster = Cluster->start;
    my $site = Site->start(
        build                 => Faults::build(),
        cluster               => $cluster,
        FAULT_DIR          => $faults->folder,
        VS_SCHEDULER_INTERVAL => '1s',
    );
    return ($site, $class->new($site), $faults, $cluster);
}

sub new ($class, $site) { return bless {site => $site, account => _pools()}, $class }

# Whom the pools run as.
sub _pools () { return $> == 0 ? Runner::Account->named('www-data') : Runner::Account->current }

sub path ($self, $key) { return $self->folder($key) . "/$key" }

# The folder of the key's file.
sub folder ($self, $key) { return "$self->{site}{media}/" . substr $key, 0, 2 }

# So many files with new names, as uploads would have left them. All are in one folder when its name, two
# hexadecimal digits, is given. Returns their keys.
sub make_files ($self, $count, $folder = undef) {
    my @keys = map { _key($folder) } 1 .. $count;
    $self->make_file($_) for @keys;
    return @keys;
}

sub make_empty_files ($self, $count) {
    my @keys = map { _key(undef) } 1 .. $count;
    $self->make_file($_, '') for @keys;
    return @keys;
}

sub make_file ($self, $key, $content = "the film $key\n") {
    $self->{account}->own_folder($self->folder($key), 0750);
    open my $file, '>', $self->path($key) or die "cannot write @{[$self->path($key)]}: $!\n";
    print {$file} $content;
    close $file or die "cannot write @{[$self->path($key)]}: $!\n";
    chown $self->{account}{uid}, $self->{account}{gid}, $self->path($key) if $> == 0;
    return;
}

sub _key ($folder) {
    my $hex = join '', map { sprintf '%04x', int rand 65_536 } 1 .. 8;
    substr $hex, 0, 2, $folder if defined $folder;
    substr $hex, 12, 1, '4';
    substr $hex, 16, 1, 'a';
    return $hex =~ s/^(.{8})(.{4})(.{4})(.{4})/$1-$2-$3-$4-/r;
}

# Puts them into the deletion table, in one transaction.
sub queue ($self, @keys) {
    my $keys = join ',', map { "'$_'" } @keys;
    return $self->{site}->sql("INSERT INTO video_deletions (video_id, media_key) SELECT 1, unnest(ARRAY[$keys]::uuid[])");
}

# Puts them into the table as some other daemon's, which has them for so long.
sub queue_leased ($self, $interval, @keys) {
    my $keys = join ',', map { "'$_'" } @keys;
    return $self->{site}->sql('INSERT INTO video_deletions (video_id, media_key, leased_until)'
            . " SELECT 1, unnest(ARRAY[$keys]::uuid[]), now() + interval '$interval'");
}

# How many rows there are, of all or of those that the condition holds for.
sub rows ($self, $where = 'true') { return $self->{site}->sql("SELECT count(*) FROM video_deletions WHERE $where") }

# A column of a key's row.
sub value ($self, $column, $key) {
    return $self->{site}->sql("SELECT $column FROM video_deletions WHERE media_key = '$key'");
}

# How many files of the keys there are.
sub left ($self, @keys) { return scalar grep { -e $self->path($_) } @keys }

# Lets the claims of a daemon that has died run out.
sub expire_leases ($self) {
    return $self->{site}->sql('UPDATE video_deletions SET leased_until = now() WHERE leased_until IS NOT NULL');
}

# Another scheduler on the same table and the same folder. With FAULT_DIR it is one that has faults.
sub daemon ($self, %settings) {
    local $ENV{VS_BUILD} = Faults::build() if $settings{FAULT_DIR};
    return Program->start('scheduler',
        VS_DATABASE_URL       => $self->{site}->database_url,
        VS_MEDIA_DIR          => $self->{site}{media},
        VS_SCHEDULER_INTERVAL => '1s',
        %settings);
}

# The worker of the site's scheduler, once there is one.
sub worker ($self) {
    my $worker;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    $self->{site}->soon(sub { (undef, $worker) = $self->{site}->pids('scheduler'); $worker }, 'the daemon works');
    return $worker;
}

# Waits until all files and all rows are gone.
sub all_done ($self, $name) {
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    return $self->{site}->soon(sub { $self->is_done }, $name, TIMEOUT);
}

sub is_done ($self) { return !$self->rows && !$self->{site}->media_files }

1;
