"""`make lighthouse`: what Google's Lighthouse gives the pages that sell and the pages that are used most."""
