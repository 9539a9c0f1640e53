# The layers of the C code: a file includes only headers of its own layer and of those above it in this table, by
# paths from the root; and no two files include each other, not even by way of others.

use v5.36;
use File::Glob qw(:bsd_glob);    # paths may have spaces

use FindBin;
use Test::More;

# From the bottom up. Each line is a layer: a folder, or files that are a layer of their own.
my @LAYERS = (
    qw(lib/base lib/metrics lib/db lib/media lib/http lib/process),
    qw(fcgi-api),
    'fcgi-stream/context.h fcgi-stream/stream_statements.c fcgi-stream/stream_statements.h',
    map({ "fcgi-stream/$_" } qw(views tokens delivery uploads posters)),
    qw(fcgi-stream),
    qw(scheduler/runner scheduler/tasks scheduler),
    qw(vsctl),
);

my $top = "$FindBin::Bin/..";

# The layer of a file: the most specific line that has it.
sub layer ($path) {
    my ($best, $length) = (undef, -1);
    for my $i (0 .. $#LAYERS) {
        for my $entry (split ' ', $LAYERS[$i]) {
            next if $path ne $entry && index($path, "$entry/") != 0;
            ($best, $length) = ($i, length $entry) if length $entry > $length;
        }
    }
    return $best;
}

sub includes ($path) {
    open my $file, '<', "$top/$path" or die "cannot open $path: $!\n";
    return map { /^\s*#\s*include\s+"([^"]+)"/ ? $1 : () } <$file>;
}

# What is wrong with the includes of these files, each path with what it includes.
sub faults ($included) {
    my @faults;
    for my $path (sort keys %$included) {
        my $own = layer($path);
        push @faults, "$path is in no layer" if !defined $own;
        for my $header (@{$included->{$path}}) {
            my $layer = layer($header);
            if    (!$included->{$header}) { push @faults, "$path includes $header, which is no path from the root" }
            elsif (!defined $layer)       { push @faults, "$path includes $header, which is in no layer" }
            elsif ($layer > ($own // -1)) { push @faults, "$path includes $header, which is in a higher layer" }
        }
    }
    return (@faults, circles($included));
}

sub circles ($included) {
    my (%state, @circles);
    my $visit = sub ($visit, $path, @trail) {
        if (($state{$path} // '') eq 'open') {
            push @circles, 'a circle: ' . join ' > ', @trail, $path;
            return;
        }
        return if $state{$path};
        $state{$path} = 'open';
        $visit->($visit, $_, @trail, $path) for @{$included->{$path} // []};
        $state{$path} = 'done';
    };
    $visit->($visit, $_) for sort keys %$included;
    return @circles;
}

my %included = map { $_ => [includes($_)] }
    map { s{^\Q$top\E/}{}r } map { glob "$top/$_" } map { ("$_/*.[ch]", "$_/*/*.[ch]") } qw(lib fcgi-api fcgi-stream scheduler vsctl);

cmp_ok scalar(keys %included), '>', 150, 'the source files are found';
is_deeply [faults(\%included)], [], 'every include goes down';

subtest 'faults are found' => sub {
    my %good = ('lib/base/a.h' => [], 'lib/db/b.h' => ['lib/base/a.h'], 'fcgi-stream/context.h' => ['lib/db/b.h'],
        'fcgi-stream/tokens/t.c' => ['fcgi-stream/context.h'], 'fcgi-stream/main.c' => ['fcgi-stream/context.h']);
    is_deeply [faults(\%good)], [], 'none';
    my %bad = (
        'a higher layer'             => {'lib/base/a.h' => ['lib/db/b.h'], 'lib/db/b.h' => []},
        'no path from the root'      => {'lib/base/a.c' => ['a.h'], 'lib/base/a.h' => []},
        'in no layer'                => {'new/a.c' => []},
        'a circle'                   => {'lib/base/a.h' => ['lib/base/b.h'], 'lib/base/b.h' => ['lib/base/a.h']},
    );
    for my $fault (sort keys %bad) {
        my @found = faults($bad{$fault});
        ok @found == 1 && $found[0] =~ /\Q$fault\E/, $fault or diag @found;
    }
    my %top = ('fcgi-stream/tokens/t.c' => ['fcgi-stream/main.h'], 'fcgi-stream/main.h' => []);
    like join(',', faults(\%top)), qr/higher layer/, 'a room includes nothing of what stands on top of it';
};

done_testing;
