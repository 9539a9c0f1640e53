package Bench::Testbed;

# Everything that runs for the benchmark: a site as `deploy/site run` starts it, with
# default settings and its own PostgreSQL; the Go servers, on the same database and files;
# and a second nginx. Uses a temporary folder and free ports; stop removes it all.

use v5.36;

use Cwd        ();
use FindBin    ();

use Bench::Go;
use Bench::Nginx;
use Runner::Account;
use Runner::Command;
use Runner::Settings;
use Scratch;
use Site ();
use Site::Port;

use constant LOG_LINES_MAX => 5;

my $CHECKOUT = Cwd::realpath("$FindBin::Bin/..");
my $BUILD    = Cwd::realpath("$CHECKOUT/" . ($ENV{VS_BUILD} || 'build')) // die "the build folder does not exist; run make\n";

sub new ($class) {
    Test::More->builder->no_ending(1);    # Site loads Test::More, but this is not a test
    my $settings = Runner::Settings->load($BUILD);
    my $self = bless {settings => $settings}, $class;
    $self->{pools} = $> == 0 ? Runner::Account->named($settings->get('VS_USER')) : Runner::Account->current;
    $self->{site} = Site->new(
        folder              => Scratch::folder('bench'),
        port                => Site::Port::free(),
        VS_POSTGRESQL_FSYNC => 'on',
        # Lifts the limits that would reject a flood of logins and 500 uploads of one
        # user.
        map { ($_ => 0) } qw(VS_LOGIN_FAILURES VS_LOGIN_FAILURES_PER_ADDRESS VS_LOGIN_FAILURES_PER_ACCOUNT
            VS_USER_UPLOADS VS_UPLOAD_TOKENS_PER_USER),
    );
    return $self;
}

sub start ($self) {
    my $site = $self->{site};
    $site->run;
    $site->await_answer or die "the site did not start:\n" . $site->output;
    my $folder = $self->folder;
    $self->{pools}->own_folder($folder, 0755);
    my $run = readlink $site->state_path('run');
    my $media = $site->state_path('media');
    my $database = sprintf 'host=%s dbname=video_server user=%s', "$run/postgresql", $self->{pools}->name;
    my %arguments = ('go-lookup' => [$database, $self->connections], 'go-files' => [$media]);
    for my $name (sort keys %arguments) {
        push @{$self->{go}}, Bench::Go->start(
            name      => $name,
            source    => "$CHECKOUT/bench/$name/main.go",
            build     => $BUILD,
            folder    => $folder,
            account   => $self->{pools},
            arguments => $arguments{$name},
        );
    }
    $self->{nginx} = Bench::Nginx->start(
        template => "$CHECKOUT/bench/nginx.conf.in",
        like     => "$run/nginx/nginx.conf",
        program  => readlink '/proc/' . ($site->pids('nginx'))[0] . '/exe',
        folder   => $folder,
        lookup   => "$folder/go-lookup.sock",
        files    => "$folder/go-files.sock",
        media    => $media,
    );
    return;
}

sub stop ($self) {
    $_->stop for grep { defined } delete $self->{nginx}, @{delete $self->{go} // []};
    my $site = $self->{site};
    $site->kill('TERM', $site->pid) if $site->pid;
    $site->await_end;
    $site->remove;
    return;
}

# The first unexpected lines of the site's logs.
sub unexpected_log_lines ($self) {
    my @lines = $self->{site}{logs}->unexpected;
    splice @lines, LOG_LINES_MAX if @lines > LOG_LINES_MAX;
    return map { "$_\n" } @lines;
}

# Sets the number of tokens of a kind, 'stream' or 'upload'.
sub set_tokens ($self, $kind, $count) {
    local $ENV{VS_STATE_DIR} = $self->{site}->state_path('');
    my ($status, $output) = Runner::Command::capture(["$BUILD/vsctl", 'tokens', "--$kind", $count]);
    die "vsctl failed: $output\n" if $status != 0;
    return;
}

sub folder           ($self) { return $self->{site}->folder . '/bench' }
sub build            ($self) { return $BUILD }
sub site             ($self) { return $self->{site} }
sub address          ($self) { return 'http://127.0.0.1:' . $self->{site}->port }
sub other_nginx_pids ($self) { return $self->{nginx}->pids }
sub go_pids          ($self) { return map { $_->pid } @{$self->{go}} }
sub other_address    ($self) { return $self->{nginx}->address }

# The number of database connections of the api pool, and of the Go server.
sub connections ($self) {
    return $self->{settings}->get('VS_API_PROCESSES') * $self->{settings}->get('VS_API_THREADS');
}

1;
