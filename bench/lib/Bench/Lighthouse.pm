package Bench::Lighthouse;

# What Lighthouse (from npm, which is asked for it then) has to say of the website's pages, each as a visitor sees it who
# comes for the first time, with a slow phone as Lighthouse imagines one; and what the home page takes until it shows
# videos.

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
    VIDEOS        => 30,        # more than are on the first page
    GOAL          => 95,
    GOAL_BYTES    => 40_000,
    GOAL_IN_A_ROW => 2,
};

my $SOURCE = Cwd::realpath("$FindBin::Bin/lighthouse");
my $FILM   = Cwd::realpath("$FindBin::Bin/../t/media/testcard.webm");

sub prepare ($class, $stand) {
    my $site = $stand->site;
    my $folder = $site->folder . '/lighthouse';
    Runner::Command::output(['cp', '-r', $SOURCE, $folder]);
    eval { Runner::Command::output(['npm', 'ci', '--prefix', $folder, qw(--no-audit --no-fund --ignore-scripts --loglevel=error)]); 1 }
        or die "the part `lighthouse` needs Node.js (18.16 or later) and npm, as in Debian's packages nodejs and npm: $@";
    my $author = Bench::Data::author($site);
    my $user = $site->sql(q{SELECT id FROM users WHERE name = 'ann'});
    my @videos = map { Bench::Data::add_filmed($site, "Film number $_", $FILM) } 1 .. VIDEOS;
    my $video = "/videos/$videos[-1]";
    $author->post("/api$video/comments", {content => "What a film, for the ${_}th time."}) for 4 .. 9;
    my %task = (
        address  => 'http://localhost:' . $site->port,
        chromium => '/usr/bin/chromium',
        session  => {id => $author->session, userId => $user},
        film     => "/stream$video",
        videos   => \@videos,
        pages    => [
            [home => '/'], [video => $video], [user => "/users/$user"], [search => '/?q=film'],
            [login => '/login'], [register => '/register'],
            map { [$_, "/$_", JSON::PP::true] } qw(upload settings),
        ],
    );
    return bless {task => \%task, program => "$folder/measure.js"}, $class;
}

sub measure ($self, $options) {
    my $task = JSON::PP->new->canonical->encode({%{$self->{task}}, runs => $options->{rounds}});
    my $output = Runner::Command::output(['node', $self->{program}, $task]);
    my ($json) = $output =~ /^(\{.*\})$/m or die "Lighthouse says nothing: $output\n";
    $self->{found} = JSON::PP::decode_json($json);
    return $self;
}

sub report ($self) {
    my ($pages, $home) = @{$self->{found}}{qw(pages home)};
    return (
        'Website: what Lighthouse thinks of its pages, of 100 points; medians, and (lowest-highest).',
        Bench::Table::aligned(
            ['page', 'performance', 'accessibility', 'first paint s', 'largest paint s', 'blocked ms', 'shift'],
            map { _row($_) } @$pages,
        ),
        'The goal is at least ' . GOAL . ' for both.',
        sprintf('The home page takes %.1f kB in %d requests before its pictures, of which %d come one after the other.',
            $home->{bytes} / 1000, $home->{requests}, $home->{inARow}),
        sprintf('The goals are at most %d kB, and %d.', GOAL_BYTES / 1000, GOAL_IN_A_ROW),
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
