package Scratch;

# Folders outside the checkout, for what a test writes. They go when it ends; when it has failed they stay, and it
# says where they are.
#
#   my $folder = Scratch::folder('cluster');
#   Scratch::remove($folder);

use v5.36;

use File::Path ();
use File::Temp ();
use Test::More ();

my %made;      # by which process
my $failed;    # known once the test ends: Test::More is gone when the last objects go

END {
    $failed = $? || !Test::More->builder->is_passing;
    if ($failed) {
        say STDERR "# kept: $_" for grep { $made{$_} == $$ && -d } sort keys %made;
    }
}

sub folder ($purpose) {
    my $folder = File::Temp::tempdir("video-server-$purpose-XXXXXX", TMPDIR => 1);
    $made{$folder} = $$;
    return $folder;
}

# Removes folders with all that is in them, unless the test has failed. A process that the test has forked removes
# nothing.
sub remove (@folders) {
    return if $failed // !Test::More->builder->is_passing;
    File::Path::remove_tree(grep { ($made{$_} // $$) == $$ && -d } @folders);
    return;
}

1;
