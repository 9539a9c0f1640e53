package Bench::Lighthouse;

# Lighthouse (installed from npm) on the website's pages, with an empty cache and
# Lighthouse's simulated slow phone, and the cost of loading the home page.

use v5.36;

use Cwd        ();
use FindBin    ();
use JSON::PP   ();
use List::Util qw(uniq);

use Bench::Data;
use Bench::Process;
use Bench::Rounds;
use Bench::Table;
use Runner::Command;

use constant {
    VIDEOS     => 30,        # more than fit on the first page
    GOAL       => 95,
    GOAL_BYTES => 40_000,
    GOAL_DEPTH => 2,
};

my $SOURCE = Cwd::realpath("$FindBin::Bin/lighthouse");
my $VIDEO  = Cwd::realpath("$FindBin::Bin/../t/media/testcard.webm");

sub prepare ($class, $testbed) {
    my $site = $testbed->site;
    my $folder = $site->folder . '/lighthouse';
    Runner::Command::output(['cp', '-r', $SOURCE, $folder]);
    eval { Runner::Command::output(['npm', 'ci', '--prefix', $folder, qw(--no-audit --no-fund --ignore-scripts --loglevel=error)]); 1 }
        or die "the part `lighthouse` needs Node.js (18.16 or later) and npm, as in Debian's packages nodejs and npm: $@";
    my $author = Bench::Data::author($site);
    my $user = $site->sql(q{SELECT id FROM users WHERE name = 'ann'});
    my @videos = map { Bench::Data::add_uploaded($site, "Video number $_", $VIDEO) } 1 .. VIDEOS;
    my $video = "/videos/$videos[-1]";
    $author->post("/api$video/comments", {content => "What a video, for the ${_}th time."}) for 4 .. 9;
    my %task = (
        address  => 'http://localhost:' . $site->port,
        chromium => '/usr/bin/chromium',
        session  => {id => $author->session, userId => $user},
        video    => "/stream$video",
        videos   => \@videos,
        pages    => [
            [home => '/'], [video => $video], [user => "/users/$user"], [search => '/?q=video'],
            [login => '/login'], [register => '/register'],
            map { [$_, "/$_", JSON::PP::true] } qw(upload settings),
        ],
    );
    return bless {task => \%task, program => "$folder/measure.js"}, $class;
}

sub measure ($self, $options) {
    my $task = JSON::PP->new->canonical->encode({%{$self->{task}}, runs => $options->{rounds}});
    my $output = Runner::Command::output(['node', $self->{program}, $task]);
    my ($json) = $output =~ /^(\{.*\})$/m or die "no result from Lighthouse: $output\n";
    $self->{found} = JSON::PP::decode_json($json);
    return $self;
}

sub report ($self) {
    my ($pages, $home) = @{$self->{found}}{qw(pages home)};
    return (
        'Website: Lighthouse scores (0-100) and timings; medians (min-max)',
        Bench::Table::aligned(
            ['page', 'performance', 'accessibility', 'first paint s', 'largest paint s', 'blocked ms', 'layout shift'],
            map { _row($_) } @$pages,
        ),
        'goal: performance and accessibility at least ' . GOAL,
        sprintf('Home page without posters: %.1f kB (goal: at most %d), %d requests, longest chain of dependent requests: %d'
            . ' (goal: at most %d)', $home->{bytes} / 1000, GOAL_BYTES / 1000, $home->{requests}, $home->{depth}, GOAL_DEPTH),
        '',
    );
}

sub _row ($page) {
    my $value = sub ($format, $name, $unit = 1) {
        return Bench::Table::spread($format, Bench::Rounds::spread_of(map { $_->{$name} } @{$page->{runs}}), $unit);
    };
    return [
        $page->{name}, $value->('%.0f', 'performance'), $value->('%.0f', 'accessibility'),
        map({ $value->('%.2f', $_, 1000) } qw(fcp lcp)), $value->('%.0f', 'tbt'), $value->('%.3f', 'cls'),
    ];
}

1;
