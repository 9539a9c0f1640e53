package Tree;

# The files of the source tree, whether it is a git checkout or an unpacked archive.

use v5.36;

use File::Find ();

# Neither sources nor documents: what builds, sites and git leave in a checkout.
my $NOT_SOURCE = qr{^(?:\.git|build[^/]*|var[^/]*)$|(?:^|/)node_modules$};

# Paths relative to the folder, sorted.
sub files ($folder) {
    my @files;
    my $wanted = sub {
        my $path = $File::Find::name =~ s{^\Q$folder\E/?}{}r;
        return $File::Find::prune = 1 if -d $_ && $path =~ $NOT_SOURCE;
        push @files, $path if -f;
        return;
    };
    File::Find::find($wanted, $folder);
    my @sorted = sort @files;
    return @sorted;
}

1;
