package Site::Media;

# Video files for tests. After a short header that makes it a valid MP4 or WebM file of any length, every
# eight bytes of a file are their own offset in hexadecimal, so that a wrong range cannot match.

use v5.36;

use constant BYTES => 100_000;

my %HEAD = (
    mp4  => pack('N a4 a4 N a4 a4 N a4 N a4', 24, 'ftyp', 'isom', 512, 'isom', 'mp42', 8, 'moov', 0, 'mdat'),
    webm => pack('H*', '1a45dfa39f4286810142f7810142f2810442f381084282847765626d4287810442858102'),
);

# The path of a file. A name with a slash is an existing file; another name, such as bunny.mp4, is created
# in the folder if it does not exist.
sub path ($folder, $name, $bytes = BYTES) {
    return $name if $name =~ m{/};
    my $path = "$folder/$name";
    if (!-e $path) {
        open my $file, '>:raw', $path or die "cannot write $path: $!\n";
        print {$file} content($name =~ /\.(\w+)$/, $bytes);
        close $file or die "cannot write $path: $!\n";
    }
    return $path;
}

# The content of a file of this kind: mp4 or webm.
sub content ($kind, $bytes = BYTES) {
    my $head = $HEAD{$kind} // die "no header for files of the kind $kind\n";
    my $start = length($head) - length($head) % 8;
    my $count = int(($bytes - $start) / 8) + 1;
    my $content = ('.' x $start) . join '', map { sprintf '%08x', $start + 8 * $_ } 0 .. $count - 1;
    substr $content, 0, length $head, $head;
    return substr $content, 0, $bytes;
}

1;
