package Bench::Graphile;

# Installs graphile-worker, which the scheduler is compared with, from npm into a
# temporary folder, and runs it on the site's database as the current user, who owns the
# database.

use v5.36;

use Cwd     ();
use FindBin ();

use Bench::Process;
use Runner::Command;

# [minimum major version of Node.js, version of graphile-worker], newest first.
my @VERSIONS = ([22, '0.18.0'], [18, '0.16.6']);

my $WORKER = Cwd::realpath("$FindBin::Bin/graphile-worker/worker.js");

# folder    folder for the npm packages and the log
# database  folder of PostgreSQL's socket
sub start ($class, %graphile) {
    my $self = bless {version => _version()}, $class;
    my $folder = $graphile{folder};
    _run('npm', 'install', '--prefix', $folder, qw(--no-audit --no-fund --loglevel=error), "graphile-worker\@$self->{version}");
    my $worker = "$folder/worker.js";
    _run('cp', $WORKER, $worker);
    my $url = sprintf 'postgres://%s@%s/video_server', scalar getpwuid $>, $graphile{database} =~ s{/}{%2F}gr;
    _run('node', $worker, $url, 'install');
    my $log = "$folder/graphile-worker.log";
    $self->{process} = Bench::Process->start(
        name    => 'graphile-worker',
        command => ['node', $worker, $url],
        log     => $log,
        ready   => sub { _contains($log, 'ready') },
    );
    return $self;
}

sub name ($self) { return "graphile-worker $self->{version}" }
sub stop ($self) { return $self->{process}->stop }

sub _version () {
    my ($status, $output) = eval { Runner::Command::capture(['node', '--version']) };
    my ($major) = ($output // '') =~ /^v(\d+)/;
    my ($choice) = grep { defined $major && $major >= $_->[0] } @VERSIONS;
    return $choice->[1] if $choice;
    die "the part `deletions` needs Node.js ($VERSIONS[-1][0] or later) and npm, as in Debian's packages nodejs and npm\n";
}

sub _run (@command) {
    my ($status, $output) = Runner::Command::capture([@command]);
    die "$command[0] failed:\n$output" if $status != 0;
    return;
}

sub _contains ($path, $text) {
    open my $file, '<', $path or return 0;
    local $/;
    return index(<$file> // '', $text) >= 0;
}

1;
