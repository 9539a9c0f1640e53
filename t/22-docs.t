# The documents: the examples in docs/api.md print what the page says, its table of routes is the OpenAPI
# document's, and links between documents lead somewhere.

use v5.36;
use utf8;
use FindBin;
use lib "$FindBin::Bin/lib";

use File::Basename qw(dirname);
use File::Temp ();
use JSON::PP ();
use Site;
use Tree;

my $top = "$FindBin::Bin/..";

sub content ($path) {
    open my $file, '<:encoding(UTF-8)', "$top/$path" or die "cannot open $path: $!\n";
    local $/;
    return scalar <$file>;
}

# The examples of a page, in order: each a command and what it prints.
sub examples ($page) {
    my @examples;
    for my $block ($page =~ /^```console\n(.*?)^```$/msg) {
        for my $line (split /\n/, $block) {
            if ($line =~ /^\$ (.*)/) { push @examples, {command => $1, output => ''} }
            else                     { $examples[-1]{output} .= "$line\n" }
        }
    }
    return @examples;
}

# What text varies stands in the page as an ellipsis.
sub pattern ($output) {
    my $pattern = join '.*?', map { quotemeta } split /…/, $output, -1;
    return qr/^$pattern$/s;
}

# Runs the commands in one shell; what each has printed.
sub run_all ($folder, @commands) {
    my $script = join "\n", "cd '$folder'", map { ("printf '\\n\\001\\n'", $_) } @commands;
    open my $shell, '-|:encoding(UTF-8)', 'bash', '-c', "$script\n" or die "cannot run bash: $!\n";
    my $output = do { local $/; <$shell> };
    close $shell;
    my (undef, @outputs) = split /\n\x01\n/, $output, -1;
    return @outputs;
}

sub same_lines ($text) {
    my $lines = $text =~ s/\r//gr =~ s/\n+$//r;
    return length $lines ? "$lines\n" : '';
}

subtest 'the examples in docs/api.md' => sub {
    my $site = Site->start;
    my $folder = File::Temp->newdir;
    symlink "$top/t", "$folder/t" or die "cannot link: $!\n";
    my @examples = examples(content('docs/api.md'));
    my $address = 'http://localhost:' . $site->port;
    my @outputs = run_all($folder, map { $_->{command} =~ s{\Qhttp://localhost:8080\E}{$address}r } @examples);
    is scalar @outputs, scalar @examples, 'every example runs';
    like same_lines($outputs[$_]), pattern($examples[$_]{output}), $examples[$_]{command} for 0 .. $#examples;
    $site->soon(sub { !$site->media_files }, 'the files of the deleted videos are gone');
};

subtest 'the routes in docs/api.md' => sub {
    my $document = JSON::PP->new->utf8->decode(do { open my $file, '<:raw', "$top/fcgi-api/openapi.json" or die; local $/; <$file> });
    my (%specified, %described);
    for my $path (keys %{$document->{paths}}) {
        for my $method (grep { /^(?:get|post|put|patch|delete|options)$/ } keys %{$document->{paths}{$path}}) {
            my @statuses = grep { !/^50[03]$/ } sort keys %{$document->{paths}{$path}{$method}{responses}};
            $specified{uc($method) . " $path"} = "@statuses";
        }
    }
    my ($table) = content('docs/api.md') =~ /^## Which routes are there\?\n(.*?)^## /ms;
    for my $row ($table =~ /^\| `.*$/mg) {
        my (undef, $routes, undef, undef, $statuses) = split /\s*\|\s*/, $row;
        my $method;
        for my $route ($routes =~ /`([^`]+)`/g) {
            $method = $1 if $route =~ s/^([A-Z]+) //;
            my $path = $route =~ s/:id\b/{upload}/r =~ s/:(\w+)/{$1}/gr;
            my $known = $method eq 'HEAD' ? 'GET' : $method;
            my @statuses = grep { !/^50[03]$/ } sort split / /, $statuses;
            $described{"$known $path"} = "@statuses";
        }
    }
    is_deeply \%described, \%specified, 'each route with its statuses, as in the OpenAPI document';
};

subtest 'links' => sub {
    for my $page (grep { /\.md$/ } Tree::files($top)) {
        my @lost = grep { !-e "$top/" . dirname($page) . "/$_" } map { s/#.*//r }
            grep { !m{^(?:https?:|mailto:|#)} } content($page) =~ /\]\(([^)\s]+)\)/g;
        is_deeply \@lost, [], "$page: every link leads to a file";
    }
};

done_testing;
