# How the tree reads, as far as a program can tell: the width of comments in C, and words that the glossary in
# CONTRIBUTING.md replaces.

use v5.36;

use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;

use Tree;

use constant COMMENT_COLUMNS => 90;

# The product's own words, and what they replace.
my %INSTEAD = (
    'video, video file'           => qr/\bfilms?\b/i,
    'chunk'                       => qr/\bpieces? of (?:a|an|the) (?:video|file|upload)/i,
    'maximum, at the limit'       => qr/\bas (?:many|much) as (?:may|there may)\b/i,
    'continue, resume'            => qr/\b(?:goes|gone|going) on with\b/i,
    'is replaced, is deleted'     => qr/\bgives? way\b/i,
    'orphan, orphaned'            => qr/\bnobody (?:knows|claims)\b/i,
    'the subject by its name'     => qr/\b(?:who comes|whoever comes|who asks)\b/i,
    'an unfinished upload'        => qr/\bbegun and not ended\b/i,
);

my $top = "$FindBin::Bin/..";
my @files = grep { -T "$top/$_" } Tree::files($top);

sub lines ($path) {
    open my $file, '<:encoding(UTF-8)', "$top/$path" or die "cannot open $path: $!\n";
    return <$file>;
}

# The lines of C on which a comment goes beyond the column.
sub wide_comments (@lines) {
    my ($inside, @wide) = (0);
    while (my ($i, $line) = each @lines) {
        chomp $line;
        my $comment = $inside || $line =~ m{/\*};
        push @wide, $i + 1 if $comment && length $line > COMMENT_COLUMNS;
        $inside = $inside ? $line !~ m{\*/} : $line =~ m{/\*(?!.*\*/)};
    }
    return @wide;
}

is_deeply [wide_comments('int a; /* ' . 'x' x 80 . ' */', '/* one', 'x' x 91, '*/ ' . 'x' x 91, 'x' x 91)], [1, 3, 4],
    'wide comments are found';
my @wide = map { my $path = $_; map { "$path:$_" } wide_comments(lines($path)) } grep { /\.[ch]$/ } @files;
is_deeply \@wide, [], 'no comment is wider than ' . COMMENT_COLUMNS . ' columns' or diag join "\n", @wide;

my @texts = grep { !m{^t/style\.t$|^CONTRIBUTING\.md$|^CHANGELOG\.md$|package-lock\.json$|/corpus/|^t/browser/axe/|passwords\.txt$} } @files;
for my $word (sort keys %INSTEAD) {
    my @found;
    for my $path (@texts) {
        my @lines = lines($path);
        push @found, map { "$path:" . ($_ + 1) } grep { $lines[$_] =~ $INSTEAD{$word} } 0 .. $#lines;
    }
    is_deeply \@found, [], "the words are: $word" or diag join "\n", @found;
}

done_testing;
